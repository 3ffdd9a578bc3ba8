"""What is counted and measured of a cell's answers: those without a text, cut off or malformed, their times and models."""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from llmops_sdk.steps.client.endings import LENGTH
from llmops_sdk.steps.client.reasoning import CUT_WHILE_REASONING
from llmops_sdk.values.answers import Answered, Outcome, Pending, Unanswered
from llmops_sdk.values.prices import Price, answer_cost

_WITHOUT_JSON = ("text", "grammar", "structural_tag")
"""The types of a `response_format` in OpenAI's form that do not ask for JSON."""


@attrs.define
class Tally:
    """Counts of the outcomes of a cell.

    Attributes:
        response_format: The form that was asked for, or None.
        answered: Questions with an answer.
        pending: Questions that failed for now.
        missing: Questions that were never asked: recorded answers lack the record.
        blank: Answers without a text.
        cut: Answers that were cut off at `max_new_tokens`.
        cut_reasoning: Questions without an answer because the model was still reasoning.
        malformed: Answers that are not JSON of the form that was asked for.
        models: The name of the model, as the endpoint reports it, to the number of its answers.
        reasoning_tokens: Of all answers, or None where the endpoint counts none.
        prompt_tokens: Of each prompt, where the endpoint counts them.
        latencies: Seconds of each answer that has them.
        first_tokens: Seconds to the first token of those that were streamed.
        scored: Answers that came with scores.
        price: The price of tokens, or None.
        costs: US dollars of each answer whose cost is known.
        output_tokens: Of the answers, or None.
    """

    response_format: Mapping[str, Any] | None = None
    answered: int = 0
    pending: int = 0
    missing: int = 0
    blank: int = 0
    cut: int = 0
    cut_reasoning: int = 0
    malformed: int = 0
    models: Counter[str] = attrs.field(factory=Counter)
    reasoning_tokens: int | None = None
    prompt_tokens: array[int] = attrs.field(factory=lambda: array("q"))
    latencies: array[float] = attrs.field(factory=lambda: array("d"))
    first_tokens: array[float] = attrs.field(factory=lambda: array("d"))
    scored: int = 0
    price: Price | None = None
    costs: array[float] = attrs.field(factory=lambda: array("d"))
    output_tokens: int | None = None

    @property
    def empty(self) -> int:
        """The number of empty answers: those without a text, unless scores came in place of all texts."""
        return 0 if self.scored == self.blank == self.answered else self.blank

    def count(self, outcome: Outcome) -> None:
        """Count one outcome."""
        if not isinstance(outcome, Answered):
            self.pending += isinstance(outcome, Pending)
            self.missing += isinstance(outcome, Unanswered) and outcome.is_missing
            self.cut_reasoning += not isinstance(outcome, Pending) and outcome.error in CUT_WHILE_REASONING
            return
        answer = outcome.answer
        self.answered += 1
        self.blank += not answer.output.strip()
        self.scored += bool(answer.scores)
        self.cut += answer.finish_reason == LENGTH
        self.malformed += not fits_format(answer.output, self.response_format)
        if answer.model:
            self.models[answer.model] += 1
        if answer.reasoning_tokens is not None:
            self.reasoning_tokens = (self.reasoning_tokens or 0) + answer.reasoning_tokens
        if answer.prompt_tokens is not None:
            self.prompt_tokens.append(answer.prompt_tokens)
        if answer.output_tokens is not None:
            self.output_tokens = (self.output_tokens or 0) + answer.output_tokens
        if (cost := answer_cost(answer, self.price)) is not None:
            self.costs.append(cost)
        if answer.latency is not None:
            self.latencies.append(answer.latency)
        if answer.time_to_first_token is not None:
            self.first_tokens.append(answer.time_to_first_token)

    def notices(self) -> Iterator[str]:
        """Yield what a user should know while the run continues, a line each."""
        if len(self.models) > 1:
            yield f"the endpoint reported {len(self.models)} models during these answers: {self.model_names()}"
        if self.malformed:
            yield (
                f"{self.malformed} of {self.answered} answers are not JSON of the form that response_format asks for: the "
                "server ignores it, or answers were cut off"
            )
        if self.cut_reasoning:
            yield f"{self.cut_reasoning} records have no answer: the model was still reasoning at max_new_tokens"

    def model_names(self) -> str:
        """Return the names of the models that answered; of several, with the number of answers."""
        if len(self.models) == 1:
            return next(iter(self.models))
        return ", ".join(f"{name} ({count})" for name, count in self.models.most_common())


def fits_format(text: str, response_format: Mapping[str, Any] | None) -> bool:
    """Return whether a text is JSON of the requested form: of an object, one with the required names.

    >>> fits_format('{"city": "Paris"}', {"type": "object", "required": ["city"]})
    True
    >>> fits_format("Paris", {"type": "json_object"})
    False
    """
    if response_format is None or response_format.get("type") in _WITHOUT_JSON:
        return True
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    if response_format.get("type") == "json_object":
        return isinstance(value, dict)
    schema = response_format
    if response_format.get("type") == "json_schema":
        schema = response_format.get("json_schema", {}).get("schema", {})
    if schema.get("type") != "object":
        return True
    return isinstance(value, dict) and all(name in value for name in schema.get("required", ()))
