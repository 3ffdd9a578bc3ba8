"""The meter of a step: it counts what is spent, and holds questions back at the budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import attrs

from llmops_sdk.errors import EndpointError
from llmops_sdk.plugin.metering import Metering, T
from llmops_sdk.values.answers import Answered, Outcome
from llmops_sdk.values.prices import Price, answer_cost, dollars
from llmops_sdk.values.spending import Spending

SECONDS_BETWEEN_SAVES = 5.0
"""How often what a step spends is written while it asks: so much of it is missing after it was killed."""


@attrs.define
class Meter(Metering):
    """Counts what one attempt of a step spends.

    Attributes:
        price: Of what it uses, or None where that is not known.
        left: What is left of the budget when the step starts, in US dollars; None without a budget.
        budget: The budget.
        run_id: The run, for the message at the budget.
        is_free: Whether nothing is billed.
        spending: What was counted so far, without the machine's time.
        billed_seconds: The time that a service bills, where it reports that.
        held_back: Whether questions were not asked because the budget was spent.
        save: Called now and then with what was spent so far; returns what is left of the budget, which other steps spend too.
    """

    price: Price | None
    left: float | None = None
    budget: float | None = None
    run_id: str = ""
    is_free: bool = False
    spending: Spending = attrs.field(factory=Spending)
    billed_seconds: float | None = None
    held_back: bool = False
    save: Callable[[Spending], float | None] | None = None
    _asked: int = 0
    _counted: int = 0
    _started: float = attrs.field(factory=time.monotonic)
    _marked: float = attrs.field(factory=time.monotonic)
    _saved: float = attrs.field(factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """The time since the start."""
        if self.billed_seconds is not None:
            return self.billed_seconds
        return 0.0 if self.is_free else time.monotonic() - self._started

    @property
    def total(self) -> Spending:
        """What was spent so far, with the machine's time."""
        seconds = self.seconds
        machine = (self.price.of_seconds(seconds) if self.price else None) or 0.0
        has_price = self.price is not None or self.spending.answers > 0  # a price may come with each answer
        is_complete = self.is_free or (has_price and not self.spending.unpriced)
        return attrs.evolve(self.spending, seconds=seconds, usd=self.spending.usd + machine, is_complete=is_complete)

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left of the budget once the questions in flight are answered, at the mean cost so far."""
        if self.left is None:
            return False
        mean = self.spending.usd / self.spending.answers if self.spending.answers else 0.0
        return self.total.usd + (self._asked - self._counted) * mean >= self.left

    def lap(self) -> float:
        """Return the time since the last lap, or since the start."""
        now, marked = time.monotonic(), self._marked
        self._marked = now
        return 0.0 if self.is_free else now - marked

    def count(self, outcome: Outcome) -> None:
        """Count an answer."""
        self._counted += 1
        if self.is_free or not isinstance(outcome, Answered):
            return
        answer = outcome.answer
        usd = answer_cost(answer, self.price)
        by_hour = self.price is not None and self.price.hour is not None
        self.spending += Spending(
            answers=1,
            prompt_tokens=answer.prompt_tokens or 0,
            output_tokens=answer.output_tokens or 0,
            usd=usd or 0.0,
            unpriced=int(usd is None and not by_hour),
        )
        if self.save and time.monotonic() - self._saved > SECONDS_BETWEEN_SAVES:
            self.left = self.save(self.total)
            self._saved = time.monotonic()

    def affordable(self, questions: Iterator[T]) -> Iterator[T]:
        """Yield questions as long as something is left of the budget: those that are in flight then are the last."""
        for question in questions:
            if self.is_spent:
                self.held_back = True
                return
            self._asked += 1
            yield question

    def check(self, label: str) -> None:
        """Refuse to continue if questions were held back.

        Raises:
            EndpointError: They were.
        """
        if self.held_back and self.budget is not None:
            message = f"{label}: {spent_text(self.run_id, self.budget)}; completed answers are saved"
            raise EndpointError(message)


def spent_text(run_id: str, budget: float) -> str:
    """Return that a budget is spent, and how to resume."""
    return f"the budget of {dollars(budget)} is spent, and nothing new is started; {how_to_resume(run_id)}"


def how_to_resume(run_id: str) -> str:
    """Return how to resume a run with a larger budget."""
    return f"resume with a larger one: llmops run --resume {run_id} --budget USD"
