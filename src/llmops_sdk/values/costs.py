"""What a candidate cost, and what it will cost: a part of its result."""

from __future__ import annotations

import attrs

from llmops_sdk.values.prices import BilledBy


@attrs.frozen
class Amount:
    """A mean over answers with its 95 % interval.

    Attributes:
        mean: Of the answers that have the number.
        low: Lower end of the interval; None where there are too few answers to bound it.
        high: Upper end, or None.
        answers: The number of answers it rests on.
    """

    mean: float
    low: float | None
    high: float | None
    answers: int

    def is_below(self, other: Amount) -> bool:
        """Return whether it is settled that this mean is the smaller one: the intervals do not touch.

        >>> Amount(1, 0.9, 1.1, 50).is_below(Amount(2, 1.8, 2.2, 50)), Amount(1, 0, 2, 5).is_below(Amount(2, 1, 3, 5))
        (True, False)
        """
        return self.high is not None and other.low is not None and self.high < other.low


@attrs.frozen
class CandidateCost:
    """What a candidate cost, whichever run paid for it, and what its use will cost. Amounts are US dollars; None is unknown.

    Attributes:
        by: Whether tokens or hours are billed; empty where neither is known.
        price: The price in words, with where it was read; empty where it is not known.
        prompt_tokens: Of the prompts that were answered, or None where the endpoint counts none.
        output_tokens: Of the answers, or None.
        priced: The number of answers whose cost is known.
        answers_usd: What those answers cost; of a target billed by the hour, what its hours cost.
        answer: The mean cost of an answer; None of a target billed by the hour.
        latency: The mean latency of an answer, in seconds.
        endpoint_seconds: How long the endpoint was up for the answers, or None where nothing was deployed.
        training_seconds: How long the training took, or None.
        training_usd: What the training cost.
        per_1000: What 1,000 answers cost; of a target billed by the hour, at the expected traffic.
        month: What a month costs at the expected traffic.
        machine_month: What a month of one machine costs at the hours of the expected traffic; None of tokens.
        machines: How many times the machines of the run the expected traffic takes; None of tokens, or where not known.
        per_machine: The answers that they can give within the hours of a day, or None where not measured.
        dominated_by: The candidates that are better, cheaper and faster, each difference being settled.
    """

    by: BilledBy = ""
    price: str = ""
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    priced: int = 0
    answers_usd: float | None = None
    answer: Amount | None = None
    latency: Amount | None = None
    endpoint_seconds: float | None = None
    training_seconds: float | None = None
    training_usd: float | None = None
    per_1000: float | None = None
    month: float | None = None
    machine_month: float | None = None
    machines: int | None = None
    per_machine: float | None = None
    dominated_by: tuple[str, ...] = ()

    @property
    def usd(self) -> float | None:
        """What it cost up to this verdict: its training and its answers; None where one of them is not known."""
        if self.answers_usd is None or (self.training_seconds is not None and self.training_usd is None):
            return None
        return self.answers_usd + (self.training_usd or 0.0)
