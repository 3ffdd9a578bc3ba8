"""The options of recorded answers: the file, and which of its fields hold what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs
from attrs import validators

from llmops_plugins.recorded.names import RECORDED
from llmops_sdk.plugin import BaseModel, ModelOptions, is_encoding, name_of_file, option


def _plain_filter(_options: object, _attribute: object, value: Mapping[str, Any]) -> None:
    for field, allowed in value.items():
        if not isinstance(allowed, (str, int, float, bool)):
            message = f"filter compares {field!r} with a text, a number, true or false, not {allowed!r}"
            raise ValueError(message)  # noqa: TRY004 - a wrong option, as attrs reports it


def _named_fields(_options: object, _attribute: object, value: Mapping[str, str]) -> None:
    for metric, field in value.items():
        if not metric.strip() or not field.strip():
            message = f"scores maps the name of a metric to a field, not {metric!r} to {field!r}"
            raise ValueError(message)


def _known_encoding(_options: object, _attribute: object, value: str) -> None:
    if value and not is_encoding(value):
        message = f"no text encoding is called {value!r}; common ones: utf-8, utf-16, windows-1252"
        raise ValueError(message)


@attrs.frozen(kw_only=True)
class RecordedModelOptions(ModelOptions):
    """A file of answers. An empty field name means: the file's field with a usual name (`output`, `latency_ms`)."""

    path: str = option(
        help="the file: JSONL, JSON, CSV, TSV or Parquet, also compressed",
        path=True,
        validator=validators.min_len(1),
    )
    id: str = option("", help="the field with the record's ID; the answers are then joined by it and by nothing else")
    record_id: str = option("", help="the dataset's field with the ID, if it has another name there")
    input: str = option("", help="the field with the input text; the answers are then joined by it")
    input_hash: str = option(
        "", help="the field with the SHA-256 of the input text, in hexadecimal; the answers are then joined by it"
    )
    answer: str = option("", help="the field with the answer; inside other fields: response.choices[0].text")
    model: str = option("", help="the field with the name of the model that answered")
    filter: Mapping[str, Any] = option(
        factory=dict,
        help="keep only rows with this value in a field: {model: gpt-4}, where a file has several models' answers",
        validator=_plain_filter,
    )
    scores: Mapping[str, str] = option(
        factory=dict,
        help="the fields with scores that came with the answers, by metric: {quality: judge.score}; the evaluator"
        " recorded-scores takes them over, and the file may then lack the answers themselves",
        validator=_named_fields,
    )
    latency: str = option(
        "", help="the field with the seconds that the answer took (milliseconds if its name ends with ms)"
    )
    input_tokens: str = option("", help="the field with the number of the prompt's tokens")
    output_tokens: str = option("", help="the field with the number of the answer's tokens")
    finish_reason: str = option("", help="the field with the reason why the answer ended, such as 'stop' or 'length'")
    cost: str = option("", help="the field with the answer's cost in US dollars")
    shared: bool = option(
        False, help="the file answers the records of other datasets too: rows without a record are not reported"
    )
    delimiter: str = option("", help="the character between the cells of a CSV file; found by its first rows if empty")
    encoding: str = option(
        "",
        help="the text encoding; UTF-8, or what the file's byte order mark says, if empty",
        validator=_known_encoding,
    )

    def base_model(self) -> BaseModel:
        """Return the file in place of base weights, with the options that are set."""
        values = {name: value for name, value in self.to_mapping().items() if name != "path" and value}
        texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
        return BaseModel(format=RECORDED, source=self.path, parameters=texts)

    def usual_name(self) -> str:
        """Return the file's name."""
        return name_of_file(self.path)

    def has_chat_template(self, *, offline: bool) -> bool:
        """Return True: `chat` shows a record's question as it is, with nothing around it."""
        return True

    @classmethod
    def of(cls, base: BaseModel) -> RecordedModelOptions:
        """Return the options that a base model was made of."""
        values: dict[str, Any] = dict(base.parameters)
        for name in ("filter", "scores", "shared"):
            if name in values:
                values[name] = json.loads(values[name])
        return cls(path=base.source, **values)
