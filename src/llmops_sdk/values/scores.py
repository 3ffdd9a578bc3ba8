"""Scores: what an evaluator gives for one record, and the metrics it gives."""

from __future__ import annotations

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
    """

    index: int
    error: str
    notes: Mapping[str, str] = attrs.field(factory=dict)


RecordScore = Union[Scored, Unscored, Pending]
"""What an evaluator gives for one generation; a line of `scores.jsonl`."""
