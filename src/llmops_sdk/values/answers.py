"""Answers: what a model gave to one prompt, and what became of a question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Union

import attrs


@attrs.frozen
class Answer:
    """What a model gave to one prompt. A transport fills in what its endpoint reports; the client adds the latency.

    Attributes:
        output: The generated text, without the prompt and without the reasoning; empty where the log-probability of the
            prompt was asked.
        prompt_tokens: As the endpoint counted them, or None.
        output_tokens: As the endpoint counted them, or None.
        finish_reason: Why the text ended: `stop`, `length`, or empty where the endpoint does not report it.
        model: The model as the endpoint names it, or empty.
        time_to_first_token: Seconds from the request to the first token, or None where the answer was not streamed.
        latency: Seconds from the request that succeeded to its answer; None where it is not known.
        log_probability: Natural logarithm of the probability of the prompt's text, or None where it was not asked.
        reasoning: What the model wrote before its answer: `<think>...</think>`, or what the endpoint reports apart.
        reasoning_tokens: Those of `output_tokens` that are reasoning, as the endpoint counted them, or None.
        cost: US dollars, or None where it is not known.
        scores: Metric name to number: the scores that came with a recorded answer.
    """

    output: str = ""
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    finish_reason: str = ""
    model: str = ""
    time_to_first_token: float | None = None
    latency: float | None = None
    log_probability: float | None = None
    reasoning: str = ""
    reasoning_tokens: int | None = None
    cost: float | None = None
    scores: Mapping[str, float] = attrs.field(factory=dict)


@attrs.frozen
class Answered:
    """A question that was answered.

    Attributes:
        index: The question's number; of a test record, its place in the test split.
        answer: The answer.
    """

    index: int
    answer: Answer


@attrs.frozen
class Unanswered:
    """A question that failed for good: asking it again cannot help.

    Attributes:
        index: The question's number.
        error: Why, in one line.
        is_missing: Whether the model was never asked: recorded answers lack the record. It is no failure of the candidate.
    """

    index: int
    error: str
    is_missing: bool = False


@attrs.frozen
class Pending:
    """What failed for now: a question without an answer, or an answer without a score. A later attempt repeats it.

    Attributes:
        index: The question's number; of a score, the record's place in the test split.
        error: Why, in one line.
    """

    index: int
    error: str


@attrs.frozen
class NotAsked:
    """A question that was not asked: a planned look had stopped the candidate, or is still to come.

    Attributes:
        index: The question's number.
    """

    index: int

    @property
    def error(self) -> str:
        """Why there is no answer, in one line."""
        return "it was not asked: the candidate stopped at an earlier look"


Outcome = Union[Answered, Unanswered, Pending, NotAsked]
"""What became of a question; a line of a journal and of `generations.jsonl`."""
