"""What a gate answers: one check for each condition and dataset, and the decision on all of them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import attrs

DECISION_SCHEMA = 1

LEVEL = 0.05
"""The share of runs in which a gate may be wrong, on either side."""


class Outcome(str, Enum):
    """GO: shown to hold. NO-GO: shown not to hold. INCONCLUSIVE: these records show neither."""

    GO = "GO"
    NO_GO = "NO-GO"
    INCONCLUSIVE = "INCONCLUSIVE"


class Numbers(str, Enum):
    """What the numbers of a check are."""

    MEAN = "mean"
    DIFFERENCE = "difference"
    SHARE = "share"
    COST = "cost"


@attrs.frozen
class Check:
    """One condition on one dataset.

    Attributes:
        subject: What it is about: a metric, `latency_p95`, `failed_answers`, `retention`, `equivalent`, `cost_per_1000`.
        condition: The condition in words, without its numbers' evidence (`at least 0.3`).
        dataset: The dataset's name.
        outcome: What the records show.
        measured: The mean, mean difference or share that is compared with the limit; None where there is none.
        low: The bound that shows that it holds or is broken from below; None where there is no bound.
        high: The bound from above, or None.
        limit: What the measured number must not be on the wrong side of; of `equivalent`, on either side of 0.
        records: The number of records, or of answers, that it rests on.
        text: What the records show, in words and numbers.
        kind: Whether the numbers are means, differences of means, shares, or US dollars.
        unit: What a share is of (`failed`, `slower`), or empty.
        needed_records: Where it is inconclusive, about how many records would decide it; None where their number is not
            what is missing, or is not known.
    """

    subject: str
    condition: str
    dataset: str
    outcome: Outcome
    measured: float | None
    low: float | None
    high: float | None
    limit: float
    records: int
    text: str
    kind: Numbers
    unit: str = ""
    needed_records: int | None = None


@attrs.frozen
class Decision:
    """The answer of a gate.

    Attributes:
        run_id: The run.
        name: The pipeline's name.
        candidate: The candidate that was judged.
        chosen: Why that one.
        outcome: NO-GO if a condition is shown to be broken, else INCONCLUSIVE if one cannot be decided, else GO.
        text: The same in a sentence.
        checks: One for each condition and dataset.
        notes: What must be known beside it: differences from the baseline that are allowed.
        needed_records: The most that a condition needs to be decided, or None.
        schema: The version of the JSON form.
    """

    run_id: str
    name: str
    candidate: str
    chosen: str
    outcome: Outcome
    text: str
    checks: tuple[Check, ...]
    notes: tuple[str, ...] = ()
    needed_records: int | None = None
    schema: int = DECISION_SCHEMA


def worst_of(checks: Sequence[Check]) -> Outcome:
    """Return the outcome of all checks together."""
    outcomes = {check.outcome for check in checks}
    return next((each for each in (Outcome.NO_GO, Outcome.INCONCLUSIVE) if each in outcomes), Outcome.GO)
