"""Generations: the answered records that evaluators score."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from llmops_sdk.values.answers import Answer, Outcome
from llmops_sdk.values.data import Record
from llmops_sdk.values.prompts import Prompt


@attrs.frozen
class Generation:
    """One record that was asked and answered.

    Attributes:
        index: The record's place in the test split.
        record: The record.
        prompt: What was asked.
        answer: The answer.
        probes: What became of the evaluator's own probes of this record, by their names.
    """

    index: int
    record: Record
    prompt: Prompt
    answer: Answer
    probes: Mapping[str, Outcome] = attrs.field(factory=dict)

    @property
    def output(self) -> str:
        """What the model wrote."""
        return self.answer.output
