"""Metrics, and the scores of records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Union

import attrs


@attrs.frozen
class Metric:
    """One number an evaluator gives per record.

    Attributes:
        name: As it stands in every record (`rougeL`).
        label: As people read it (`ROUGE-L`).
        higher_is_better: Which end of the scale wins; None where neither does (a length): such a metric decides nothing.
    """

    name: str
    label: str = ""
    higher_is_better: bool | None = True


@attrs.frozen
class Scored:
    """The scores of one record.

    Attributes:
        index: The record's place in the test split.
        scores: Metric name to a finite number. A metric that this record has no value of may be left out.
        notes: Name to text worth keeping beside the sample, as a judge's own words.
    """

    index: int
    scores: Mapping[str, float]
    notes: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class Unscored:
    """A record that could not be scored, and why.

    Attributes:
        index: The record's place in the test split.
        error: Why, in one line.
        notes: As of `Scored`.
    """

    index: int
    error: str
    notes: Mapping[str, str] = attrs.field(factory=dict)


RecordScore = Union[Scored, Unscored]
