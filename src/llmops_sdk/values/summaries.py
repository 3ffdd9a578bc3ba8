"""Summaries: what an evaluator says of all scored records together, where it is no mean of the records' scores."""

from __future__ import annotations

import math

import attrs

from llmops_sdk.values.data import Record
from llmops_sdk.values.scores import RecordScore, Unscored


@attrs.frozen
class ScoredRecord:
    """A test record and its score, as `Evaluator.summary` gets it.

    Attributes:
        record: The record.
        score: Its score; of a record that the candidate failed to answer, an `Unscored` that is a failure.
    """

    record: Record
    score: RecordScore

    @property
    def is_failure(self) -> bool:
        """Whether the candidate's own failure is the reason that it has no score."""
        return isinstance(self.score, Unscored) and self.score.is_failure


def _is_finite(_value: object, attribute: attrs.Attribute[float], number: float) -> None:
    if not math.isfinite(number):
        message = f"the {attribute.name} of a summary is a finite number, not {number}"
        raise ValueError(message)


@attrs.frozen
class SummaryValue:
    """A number of a summary.

    Attributes:
        name: As programs read it (`macro_f1`).
        label: As people read it (`Macro F1`).
        value: The number.
    """

    name: str
    label: str
    value: float = attrs.field(validator=_is_finite)


@attrs.frozen
class SummaryTable:
    """A table of a summary.

    Attributes:
        title: What it shows.
        corner: What the rows are.
        rows: The names of its rows.
        columns: The names of its columns.
        values: A row of numbers for each of `rows`.
        is_sum: Whether the numbers are counts, which add up over the checkpoints of a recipe; else their mean is taken.
    """

    title: str
    corner: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float, ...], ...] = attrs.field()
    is_sum: bool = False

    @values.validator
    def _check_values(self, attribute: attrs.Attribute[float], values: tuple[tuple[float, ...], ...]) -> None:
        if [len(row) for row in values] != [len(self.columns)] * len(self.rows):
            message = (
                f"the table {self.title!r} of a summary has {len(self.rows)} rows of {len(self.columns)} numbers each"
            )
            raise ValueError(message)
        for row in values:
            for number in row:
                _is_finite(self, attribute, number)


@attrs.frozen
class Summary:
    """What an evaluator says of a candidate's records together. It describes, and never decides.

    Attributes:
        values: Numbers.
        tables: Tables.
    """

    values: tuple[SummaryValue, ...] = ()
    tables: tuple[SummaryTable, ...] = ()
