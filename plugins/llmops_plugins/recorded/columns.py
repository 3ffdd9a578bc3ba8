"""Which fields of a file hold what: those that the options name, else those with usual names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from llmops_plugins.recorded.fields import field_of, paths_of
from llmops_plugins.recorded.file_options import RecordedModelOptions
from llmops_plugins.recorded.files import Row
from llmops_sdk.plugin import DataError, did_you_mean

RECORD_IDS = ("custom_id", "id", "record_id", "example_id", "sample_id", "doc_id", "request_id", "uuid", "key", "_id")
"""The user's own before any: in a line of OpenAI's batches, `id` is that of the request."""

_HASHES = ("input_hash", "prompt_hash", "input_sha256", "prompt_sha256", "content_hash")
_SURE_ANSWERS = ("model_output", "model_response", "prediction", "generated_text", "generation", "response.body")
_ANSWERS = ("output", "completion", "answer", "response")
KINDS = ID, HASH, INPUT = "id", "hash", "input"
"""The kinds of keys by which answers are joined, the most exact first."""

CONVERSATIONS = ("messages", "conversations")
_INPUTS = (*CONVERSATIONS, "prompt", "instruction", "question", "query", "input")
_MODELS = ("model", "modelIdentifier", "model_name", "model_id")
_LATENCIES = ("latency_ms", "latencyMs", "latency", "latency_s", "duration_ms", "metrics.latencyMs")
_INPUT_TOKENS = (
    "input_tokens",
    "prompt_tokens",
    "inputTokens",
    "usage.prompt_tokens",
    "usage.input_tokens",
    "usage.inputTokens",
)
_OUTPUT_TOKENS = (
    "output_tokens", "completion_tokens", "outputTokens", "usage.completion_tokens", "usage.output_tokens",
    "usage.outputTokens",
)  # fmt: skip
_FINISH_REASONS = ("finish_reason", "stop_reason", "stopReason")
_COSTS = ("cost_usd", "cost")
_MOST_NAMED = 30

REASONING = ("reasoning", "reasoning_content")
ERRORS = ("error", "error_message")
IS_MISSING = "is_missing"
"""The field of a row without an answer that is true where the model is not to blame, as where a request was lost."""


@attrs.frozen(kw_only=True)
class Columns:
    """The fields of a file, by what they hold; an empty name where the file has no such field.

    Attributes:
        answer: The answer; a conversation where its last turn is the answer.
        id: The record's ID.
        input: The input text, or the messages before the answer.
        context: What follows the input, if it is in a field of its own.
        input_hash: The hash of the input text.
        model: The model that answered.
        latency: How long it took.
        input_tokens: Of the prompt.
        output_tokens: Of the answer.
        finish_reason: Why the answer ended.
        cost: In US dollars.
        scores: Metric name to the field with its score.
    """

    answer: str
    id: str = ""
    input: str = ""
    context: str = ""
    input_hash: str = ""
    model: str = ""
    latency: str = ""
    input_tokens: str = ""
    output_tokens: str = ""
    finish_reason: str = ""
    cost: str = ""
    scores: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def of_answers(self) -> tuple[str, ...]:
        """The fields that an answer is made of."""
        numbers = (self.model, self.latency, self.input_tokens, self.output_tokens, self.finish_reason, self.cost)
        kept = (self.answer, *numbers, *REASONING, *ERRORS, IS_MISSING, *self.scores.values())
        return tuple(name for name in kept if name)

    def field_of_join(self, kind: str) -> str:
        """Return the field that a kind of key comes from."""
        return {ID: self.id, HASH: self.input_hash, INPUT: self.input}[kind]

    @property
    def joins(self) -> str:
        """What the answers can be joined by, for a message."""
        named = {"the ID": self.id, "the hash of the input": self.input_hash, "the input text": self.input}
        return ", or by ".join(f"{side} ({name!r})" for side, name in named.items() if name)


def choose_columns(rows: Iterable[Row], options: RecordedModelOptions, file: str) -> Columns:
    """Choose the fields of a file by the names in its first rows.

    Args:
        rows: The first rows.
        options: The names that the user gave.
        file: The file's name, for messages.

    Raises:
        DataError: There is no field with answers, or none to join them by; the message names the fields that the file has.
    """
    fields: dict[str, None] = {}
    for row in rows:
        fields.update(dict.fromkeys(paths_of(row.fields)))
    names = _Names(tuple(fields), file)
    named = bool(options.id or options.input or options.input_hash)
    answer = names.named(options.answer, "answer") or names.answer(is_needed=not options.scores)
    usual = tuple(name for name in _INPUTS if name != answer or name in CONVERSATIONS)
    text = names.named(options.input, "input") if named else names.first(usual)
    columns = Columns(
        answer=answer,
        id=names.named(options.id, "id") if named else names.first(RECORD_IDS),
        input=text,
        context=names.first(("context", "input"), without=text) if text == "instruction" else "",
        input_hash=names.named(options.input_hash, "input_hash") if named else names.first(_HASHES),
        model=names.named(options.model, "model") or names.first(_MODELS),
        latency=names.named(options.latency, "latency") or names.first(_LATENCIES),
        input_tokens=names.named(options.input_tokens, "input_tokens") or names.first(_INPUT_TOKENS),
        output_tokens=names.named(options.output_tokens, "output_tokens") or names.first(_OUTPUT_TOKENS),
        finish_reason=names.named(options.finish_reason, "finish_reason") or names.first(_FINISH_REASONS),
        cost=names.named(options.cost, "cost") or names.first(_COSTS),
        scores={metric: names.named(field, "scores") for metric, field in options.scores.items()},
    )
    if not columns.joins:
        message = (
            f"{file!r} has no field to join its answers to the test records by: name one with id: NAME or input: NAME;"
            f" it has: {names.shown}"
        )
        raise DataError(message)
    return columns


@attrs.frozen
class _Names:
    """The names of a file's fields.

    Attributes:
        names: The names.
        file: The file's name, for messages.
    """

    names: tuple[str, ...]
    file: str

    @property
    def shown(self) -> str:
        own = [name for name in self.names if "." not in name] or list(self.names)
        return ", ".join(own[:_MOST_NAMED]) + (", ..." if len(own) > _MOST_NAMED else "")

    def named(self, name: str, option: str) -> str:
        """Return the name that the user gave, if the file has such a field."""
        if name and name not in self.names and name.partition("[")[0].rstrip(".") not in self.names:
            hint = did_you_mean(name, self.names) if any("." not in known for known in self.names) else ""
            hint = hint if "did you mean" in hint else ""
            message = f"{self.file!r} has no field {name!r}, which {option} names{hint}; it has: {self.shown}"
            raise DataError(message)
        return name

    def first(self, usual: tuple[str, ...], *, without: str = "") -> str:
        """Return the first of the usual names that the file has."""
        return next((name for name in usual if name in self.names and name != without), "")

    def answer(self, *, is_needed: bool = True) -> str:
        """Return the one field that must be the answer; empty where none is needed and none has a usual name."""
        sure = self.first(_SURE_ANSWERS)
        possible = [name for name in _ANSWERS if name in self.names]
        if sure or len(possible) == 1:
            return sure or possible[0]
        conversation = self.first(CONVERSATIONS)
        if not possible and conversation:
            return conversation
        if not possible and not is_needed:
            return ""
        problem = (
            f"has several fields that may be the answers: {', '.join(possible)}"
            if possible
            else "has no field with a usual name of answers"
        )
        message = f"{self.file!r} {problem}; name it with answer: NAME; it has: {self.shown}"
        raise DataError(message)


def is_kept(row: Row, filters: Mapping[str, Any]) -> bool:
    """Return whether the filter keeps a row; values are compared as text, so 1 is '1' of a CSV file."""
    return all(str(field_of(row.fields, field)) == str(value) for field, value in filters.items())
