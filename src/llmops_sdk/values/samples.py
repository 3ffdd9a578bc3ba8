"""Samples: everything the record has of one test record and one candidate."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from llmops_sdk.values.answers import Answer, Answered, Outcome
from llmops_sdk.values.data import Record
from llmops_sdk.values.probes import ProbeSample
from llmops_sdk.values.prompts import Prompt
from llmops_sdk.values.retrieval import Retrieved


@attrs.frozen
class Sample:
    """A line of `samples/<cell>.jsonl`.

    Attributes:
        record: The test record.
        prompt: What was asked.
        outcome: What became of the question.
        scores: Metric name to number.
        score_errors: Evaluator name to why it could not score the answer.
        pending_scores: Evaluator name to why its score failed for now.
        notes: Evaluator name to what it keeps beside the score: name to text.
        probes: Evaluator name to its probes of the record.
        repeat: Which answer to the record it is, from 0: the options of a run may ask each record several times.
        failures: Those evaluators of `score_errors` for which the answer is the reason, such as one without the requested
            form: it counts as the worst score of their metrics.
        retrieved: What the prompt added to the record, passages and examples; None where it retrieves nothing.
    """

    record: Record
    prompt: Prompt
    outcome: Outcome
    scores: Mapping[str, float] = attrs.field(factory=dict)
    score_errors: Mapping[str, str] = attrs.field(factory=dict)
    pending_scores: Mapping[str, str] = attrs.field(factory=dict)
    notes: Mapping[str, Mapping[str, str]] = attrs.field(factory=dict)
    probes: Mapping[str, tuple[ProbeSample, ...]] = attrs.field(factory=dict)
    repeat: int = 0
    failures: tuple[str, ...] = ()
    retrieved: Retrieved | None = None

    @property
    def index(self) -> int:
        """The record's place in the test split."""
        return self.outcome.index

    @property
    def answer(self) -> Answer | None:
        """The answer, or None where there is none."""
        return self.outcome.answer if isinstance(self.outcome, Answered) else None

    @property
    def output(self) -> str | None:
        """What the model wrote, or None where there is no answer."""
        return self.outcome.answer.output if isinstance(self.outcome, Answered) else None

    @property
    def error(self) -> str:
        """Why there is no answer, or empty."""
        return "" if isinstance(self.outcome, Answered) else self.outcome.error
