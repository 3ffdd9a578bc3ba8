"""Scores: what an evaluator gives for one record, and the metrics it gives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Union

import attrs

from llmops_sdk.values.answers import Pending

LEFT_OUT = "left_out"
"""The note with the metrics that a record has no value of, and why."""


@attrs.frozen
class Metric:
    """One number an evaluator gives per record.

    Attributes:
        name: As it stands in every record (`rougeL`).
        label: As people read it (`ROUGE-L`).
        higher_is_better: Which end of the scale wins; None where neither does (a length): such a metric decides nothing.
        bounds: The smallest and the largest number that a record can have, or None. A candidate's own failure counts as
            the worse one of them; a metric without bounds cannot decide while there are such failures.
    """

    name: str
    label: str = ""
    higher_is_better: bool | None = True
    bounds: tuple[float, float] | None = attrs.field(default=None)

    @bounds.validator
    def _check_bounds(self, _attribute: object, value: tuple[float, float] | None) -> None:
        if value is not None and not (len(value) == 2 and all(map(math.isfinite, value)) and value[0] < value[1]):  # noqa: PLR2004 - two ends
            message = f"the bounds of metric {self.name!r} are two finite numbers, the smaller one first, not {value!r}"
            raise ValueError(message)

    @property
    def worst(self) -> float | None:
        """The worst number that a record can have, or None without bounds or a better end."""
        if self.bounds is None or self.higher_is_better is None:
            return None
        return self.bounds[0] if self.higher_is_better else self.bounds[1]


@attrs.frozen
class Scored:
    """The scores of one record.

    Attributes:
        index: The record's place in the test split.
        scores: Metric name to a finite number. A metric that this record has no value of may be left out.
        notes: Name to text worth keeping beside the sample, such as a judge's answer.
    """

    index: int
    scores: Mapping[str, float]
    notes: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class Unscored:
    """A record that cannot be scored, and why: scoring it again cannot help. What failed for now is a `Pending`.

    Attributes:
        index: The record's place in the test split.
        error: Why, in one line.
        notes: Name to text worth keeping beside the sample.
        is_failure: Whether the answer is the reason, such as one without the requested form: it counts as the worst score.
            Otherwise the record is, such as one without a reference: it is left out for all candidates.
    """

    index: int
    error: str
    notes: Mapping[str, str] = attrs.field(factory=dict)
    is_failure: bool = False


RecordScore = Union[Scored, Unscored, Pending]
"""What an evaluator gives for one generation; a line of `scores.jsonl`."""
