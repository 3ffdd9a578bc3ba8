"""`Condition`, what every kind of condition is, and `Case`, what it is checked on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import attrs

from llmops_sdk.errors import SpecError
from llmops_sdk.gate.candidate import Chosen
from llmops_sdk.gate.evidence import DatasetEvidence, RunEvidence
from llmops_sdk.gate.outcome import LEVEL, Check, Numbers, Outcome
from llmops_sdk.gate.references import Reference
from llmops_sdk.gate.words import UNDECIDED, in_words, needed_words, number, on_records, signed, with_bounds
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.statistics.intervals import Interval


@attrs.frozen(eq=False)
class Case:
    """What a condition is checked on.

    A GO needs every condition, so each is tested at the full level. A NO-GO needs a single one, so they share the level.

    Attributes:
        run: The run.
        evidence: The dataset.
        chosen: The candidate.
        checks: The number of conditions and datasets that are checked together.
        reference: Returns what the candidate must not be worse than, from what a condition names, and a metric.
    """

    run: RunEvidence
    evidence: DatasetEvidence
    chosen: Chosen
    checks: int
    reference: Callable[[DatasetEvidence, str, str], Reference]

    @property
    def go_level(self) -> float:
        """The level of the bound that shows that a condition holds."""
        return LEVEL

    @property
    def no_go_level(self) -> float:
        """The level of the bound that shows that it is broken."""
        return LEVEL / self.checks

    @property
    def rivals(self) -> tuple[str, ...]:
        """The candidates with a result on this dataset among which the candidate was chosen by the data."""
        return tuple(name for name in self.chosen.rivals if name in self.evidence.columns)


@attrs.frozen
class Finding:
    """What the numbers of a condition show.

    Attributes:
        measured: The number that is compared with the limit.
        low: Its lower bound, or None.
        high: Its upper bound, or None.
        holds: Whether it is shown to hold.
        broken: Whether it is shown to be broken.
        problem: Why nothing can be shown, or empty.
        needed: Where nothing is shown, about how many records would decide it; None where that is not known.
    """

    measured: float | None
    low: float | None
    high: float | None
    holds: bool
    broken: bool
    problem: str = ""
    needed: int | None = None

    @property
    def outcome(self) -> Outcome:
        """The outcome of the check."""
        if self.problem:
            return Outcome.INCONCLUSIVE
        return Outcome.GO if self.holds else Outcome.NO_GO if self.broken else Outcome.INCONCLUSIVE

    def in_words(self, holds: str, broken: str, records: int, *, is_difference: bool = False) -> str:
        """Return the same as the words of a check.

        Args:
            holds: What is claimed if it holds.
            broken: What is claimed if it is broken.
            records: What the number rests on.
            is_difference: Whether the number is one, so that it has a sign.
        """
        claims = {Outcome.GO: holds, Outcome.NO_GO: broken, Outcome.INCONCLUSIVE: f"{UNDECIDED} {holds}"}
        claim = claims[self.outcome]
        if self.measured is None:
            return f"{claim}: {self.problem}"
        ends = in_words(Interval(self.low, self.high), sign=is_difference)
        measured = signed(self.measured) if is_difference else number(self.measured)
        problem = f"; {self.problem}" if self.problem else ""
        return f"{claim}: {with_bounds(measured, *ends)} {on_records(records)}{problem}{needed_words(self.needed)}"

    def check(self, condition: Condition, case: Case, text: str, *, kind: Numbers, limit: float, records: int) -> Check:
        """Return the check of a condition that shows this; see `Check`."""
        return Check(
            subject=condition.subject,
            condition=condition.text,
            dataset=case.evidence.dataset,
            outcome=self.outcome,
            measured=self.measured,
            low=self.low,
            high=self.high,
            limit=limit,
            records=records,
            text=text,
            kind=kind,
            needed_records=self.needed,
        )


@attrs.frozen
class Condition(ABC):
    """A condition of a gate. The fields of a kind are its keys in a gate file, besides `subject`.

    Attributes:
        subject: What it is about: a metric, or the one subject that the kind has.
        dataset: The dataset that it is checked on; empty for each.
    """

    SUBJECT: ClassVar[str] = ""
    """The one subject of the kind; empty for any metric."""
    KEY: ClassVar[str]
    """The key by which a gate file asks for the kind."""

    subject: str
    dataset: str = attrs.field(default="", kw_only=True)

    @property
    @abstractmethod
    def text(self) -> str:
        """The condition in words, without its subject (`at least 0.3`)."""

    @abstractmethod
    def check(self, case: Case) -> Check:
        """Return what the records of a dataset show.

        Raises:
            UserError: It cannot be asked of this run.
        """

    def check_names(self, metrics: Mapping[str, Metric]) -> None:
        """Check the condition against the metrics of a pipeline, by name.

        Raises:
            SpecError: It does not fit.
        """


def positive(meaning: str) -> Callable[[Any, Any, Any], None]:
    """Return a validator of a number above 0.

    Args:
        meaning: What the number is, for its message.
    """

    def check(_condition: object, attribute: attrs.Attribute[float], value: float) -> None:
        if not (value > 0 and value < float("inf")):
            message = f"{attribute.name} is {meaning}, a number above 0, not {value!r}"
            raise ValueError(message)

    return check


def finite(_condition: object, attribute: attrs.Attribute[float], value: float) -> None:
    """Check that a limit is a finite number."""
    if not abs(value) < float("inf"):
        message = f"{attribute.name} is a number, not {value!r}"
        raise ValueError(message)


def metric_of(case: Case, name: str) -> Metric:
    """Return a metric that the candidate has scores in.

    Raises:
        SpecError: It has none.
    """
    column = case.evidence.columns[case.chosen.candidate]
    if name not in column.scores:
        message = f"candidate {case.chosen.candidate!r} has no scores of {name!r} on {case.evidence.dataset!r}"
        raise SpecError(message)
    return case.run.metrics[name]
