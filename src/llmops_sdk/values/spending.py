"""What a run is expected to cost, and what it spent: one entry for each step that can cost something."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from llmops_sdk.values.prices import SECONDS_PER_HOUR


@attrs.frozen
class Range:
    """A number that is expected to lie between two ends; None is an end that is not known."""

    low: float | None = None
    high: float | None = None

    def times(self, factor: float | None) -> Range:
        """Return the range times a factor; nothing is known of one without a factor.

        >>> Range(1, 2).times(3), Range(1, None).times(2)
        (Range(low=3, high=6), Range(low=2, high=None))
        """
        if factor is None:
            return Range()
        return Range(*(None if end is None else end * factor for end in (self.low, self.high)))

    @classmethod
    def sum(cls, ranges: Iterable[Range]) -> Range:
        """Return the sum of ranges; an end that one of them lacks is not known, but the low end is at least that of the others.

        >>> Range.sum([Range(1, 2), Range(3, 5)]), Range.sum([Range(1, 2), Range()]), Range.sum([])
        (Range(low=4, high=7), Range(low=1, high=None), Range(low=0, high=0))
        """
        each = list(ranges)
        highs = [one.high for one in each if one.high is not None]
        low = sum(one.low for one in each if one.low is not None)
        return cls(low, sum(highs) if len(highs) == len(each) else None)


NOTHING = Range(0, 0)


@attrs.frozen
class ExpectedStep:
    """What a step is expected to take.

    Attributes:
        step: Its name.
        model: The model that it trains or asks.
        questions: The number of questions that it asks; None where it is not known, or of a training.
        prompt_tokens: Tokens of all prompts.
        output_tokens: Tokens of all answers.
        hours: Hours that the machine is used.
        usd: The price; nothing is known of it where the price is not.
        reused_from: The earlier run whose result is reused, or empty.
        basis: What the numbers rest on, in a few words.
    """

    step: str
    model: str
    questions: int | None = None
    prompt_tokens: Range = Range()
    output_tokens: Range = Range()
    hours: Range = Range()
    usd: Range = Range()
    reused_from: str = ""
    basis: str = ""


@attrs.frozen
class ExpectedCost:
    """What a run is expected to cost.

    Attributes:
        steps: Those that train or ask.
        unknown: What is in no amount, and how to make it known: a sentence each.
    """

    steps: tuple[ExpectedStep, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def usd(self) -> Range:
        """The price of the run."""
        return Range.sum(step.usd for step in self.steps)

    def of(self, step: str) -> ExpectedStep | None:
        """Return what is expected of a step; None of one that costs nothing."""
        return next((each for each in self.steps if each.step == step), None)


@attrs.frozen
class Spending:
    """What a step of a run, or a run, spent so far, over all attempts.

    Attributes:
        seconds: That the machine was used: of an endpoint, from its start to the last answer.
        answers: The number of answers.
        prompt_tokens: Of the prompts that were answered, as the endpoint counted them.
        output_tokens: Of the answers.
        usd: What is known to have been spent.
        unpriced: The number of answers whose price is not known.
        is_complete: Whether `usd` has the price of everything.
    """

    seconds: float = 0.0
    answers: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0
    unpriced: int = 0
    is_complete: bool = True

    def __add__(self, other: Spending) -> Spending:
        return Spending(
            self.seconds + other.seconds,
            self.answers + other.answers,
            self.prompt_tokens + other.prompt_tokens,
            self.output_tokens + other.output_tokens,
            self.usd + other.usd,
            self.unpriced + other.unpriced,
            self.is_complete and other.is_complete,
        )

    @property
    def hours(self) -> float:
        """The time in hours."""
        return self.seconds / SECONDS_PER_HOUR
