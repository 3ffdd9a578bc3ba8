"""Which fields of a table hold what: those that the options name, else those with usual names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from llmops_plugins.importers.options import TableImportOptions
from llmops_sdk.plugin import DataError, Record, did_you_mean, number_of, value_at

_IDS = (
    "id", "record_hash", "record_id", "example_id", "sample_id", "doc_id", "question_id", "task_id", "custom_id", "request_id", "uuid",
    "key", "_id", "index", "idx", "record",
)  # fmt: skip
_SCORES = (
    "score",
    "correct",
    "is_correct",
    "passed",
    "pass",
    "accuracy",
    "acc",
    "exact_match",
    "rating",
    "grade",
    "reward",
)
_SEVERAL_SCORES = ("scores", "metrics")
_ANSWERS = (
    "output", "model_output", "model_response", "prediction", "completion", "generated_text", "generation", "response",
    "answer",
)  # fmt: skip
_INPUTS = ("prompt", "question", "instruction", "query", "input")
_CONTEXTS = ("context", "input")
_REFERENCES = (
    "reference", "target", "expected", "expected_output", "expected_answer", "ground_truth", "gold", "reference_answer",
    "ideal", "correct_answer",
)  # fmt: skip
_CANDIDATES = ("candidate", "model", "model_name", "model_id", "modelIdentifier", "provider")
_DATASETS = ("dataset",)
_METRICS = ("metric", "metric_name")
_ERRORS = ("error", "error_message")
_STATE = "state"
_TIDY = frozenset({"record_hash", "candidate", "metric", "score", _STATE, "counted"})
"""Fields of the table that the reporter `table` writes of a run: its `prompt` names a template, and it has no texts."""

_NUMBERS = {
    "latency": ("latency_ms", "latencyMs", "latency", "latency_s", "duration_ms"),
    "prompt_tokens": ("input_tokens", "prompt_tokens", "inputTokens"),
    "output_tokens": ("output_tokens", "completion_tokens", "outputTokens"),
    "cost": ("cost_usd", "cost"),
}
_NO_SCORES = frozenset(
    {*_IDS, *(name for names in _NUMBERS.values() for name in names), "seed", "epoch", "repeat", "timestamp", "time", "line",
     "row", "number", "fold", "tokens", "total_tokens"}
)  # fmt: skip
"""Fields with numbers that are no scores."""

_MOST_NAMED = 30


@attrs.frozen(kw_only=True)
class Columns:
    """The fields of a table by what they hold; an empty name where it has no such field.

    Attributes:
        id: The record's ID.
        scores: Metric name to the field with its scores.
        group: What records of one group share.
        answer: The answer's text.
        input: What was asked.
        context: What follows it.
        reference: The reference.
        error: Why there is no answer.
        numbers: Attribute of an answer to the field with it.
        candidates: The fields that may name the candidate; the first with several values does.
        datasets: The fields that may name the dataset.
        metric: The metric of a row, in a table with a row for each metric.
        state: What became of the score, in a table of a run.
    """

    id: str
    scores: Mapping[str, str]
    group: str
    answer: str
    input: str
    context: str
    reference: str
    error: str
    numbers: Mapping[str, str]
    candidates: tuple[str, ...]
    datasets: tuple[str, ...]
    metric: str = ""
    state: str = ""


def choose_columns(rows: Sequence[Record], options: TableImportOptions, file: str) -> Columns:
    """Choose the fields of a table by the names in its first rows.

    Args:
        rows: The first rows.
        options: The names that the user gave.
        file: The file's name, for messages.

    Raises:
        DataError: There is no field with scores, or none to pair rows by; the message names the fields that the file has.
    """
    names = _Names(tuple(dict.fromkeys(name for row in rows for name in row)), rows, file)
    is_tidy = set(names.names) >= _TIDY
    asked = names.named(options.input, "input") or ("" if is_tidy else names.first(_INPUTS))
    columns = Columns(
        id=names.named(options.id, "id") or names.first(_IDS),
        scores=_scores(names, options),
        group=names.named(options.group, "group"),
        answer=names.named(options.answer, "answer") or names.first(_ANSWERS),
        input=asked,
        context=names.first(_CONTEXTS, without=asked),
        reference=names.named(options.reference, "reference") or names.first(_REFERENCES),
        error=names.first(_ERRORS),
        numbers={attribute: name for attribute, usual in _NUMBERS.items() if (name := names.first(usual))},
        candidates=names.named_or(options.candidate, "candidate", _CANDIDATES),
        datasets=names.named_or(options.dataset, "dataset", _DATASETS),
        metric=names.named(options.metric, "metric") or names.first(_METRICS),
        state=_STATE if is_tidy else "",
    )
    if not columns.id and not columns.input:
        message = f"{file!r} has no field to pair its rows by; name one with --id NAME; it has: {names.shown}"
        raise DataError(message)
    return columns


def _scores(names: _Names, options: TableImportOptions) -> Mapping[str, str]:
    """Return the metrics with their fields: the named ones, one with a usual name, or the only one that has numbers."""
    if options.score:
        return {field: names.named(field, "score") for field in options.score}
    usual = names.first(_SCORES)
    if usual:
        return {usual: usual}
    for field in _SEVERAL_SCORES:
        inside = dict.fromkeys(
            name
            for row in names.rows
            if isinstance(scores := row.get(field), Mapping)
            for name, value in scores.items()
            if isinstance(value, (bool, int, float))
        )
        if inside:
            return {name: f"{field}.{name}" for name in inside}
    numeric = list(names.numeric())
    if len(numeric) == 1:
        return {numeric[0]: numeric[0]}
    hint = f"; these have numbers: {', '.join(numeric[:_MOST_NAMED])}" if numeric else f"; it has: {names.shown}"
    message = f"{names.file!r} has no field with a usual name of scores; name it with --score NAME{hint}"
    raise DataError(message)


@attrs.frozen
class _Names:
    """The names of a table's fields.

    Attributes:
        names: The names.
        rows: The first rows.
        file: The file's name, for messages.
    """

    names: tuple[str, ...]
    rows: Sequence[Record]
    file: str

    @property
    def shown(self) -> str:
        return ", ".join(self.names[:_MOST_NAMED]) + (", ..." if len(self.names) > _MOST_NAMED else "")

    def named(self, name: str, option: str) -> str:
        """Return the name that the user gave, if the file has such a field."""
        if name and not any(value_at(row, name, None) is not None for row in self.rows) and name not in self.names:
            hint = did_you_mean(name, self.names)
            hint = hint if "did you mean" in hint else ""
            message = f"{self.file!r} has no field {name!r}, which {option} names{hint}; it has: {self.shown}"
            raise DataError(message)
        return name

    def named_or(self, name: str, option: str, usual: Sequence[str]) -> tuple[str, ...]:
        """Return the name that the user gave, or those of the usual names that the file has."""
        return (self.named(name, option),) if name else tuple(each for each in usual if each in self.names)

    def first(self, usual: Sequence[str], *, without: str = "") -> str:
        """Return the first of the usual names that the file has."""
        return next((name for name in usual if name in self.names and name != without), "")

    def numeric(self) -> Iterator[str]:
        """Yield the fields that have numbers in all of the first rows that have them, and are no IDs and no counts."""
        for name in self.names:
            values = [value for row in self.rows if (value := row.get(name)) not in (None, "")]
            if name not in _NO_SCORES and values and all(map(_is_number, values)):
                yield name


def _is_number(value: Any) -> bool:
    try:
        return number_of(value) is not None
    except ValueError:
        return False
