"""The options of the importers."""

from __future__ import annotations

import attrs

from llmops_sdk.plugin import Options, is_column, is_encoding, option


def _known_encoding(_options: object, _attribute: object, value: str) -> None:
    if value and not is_encoding(value):
        message = f"no text encoding is called {value!r}; common ones: utf-8, utf-16, windows-1252"
        raise ValueError(message)


def _one_character(_options: object, _attribute: object, value: str) -> None:
    if len(value) > 1:
        message = f"delimiter must be one character, not {value!r}"
        raise ValueError(message)


@attrs.frozen(kw_only=True)
class TableImportOptions(Options):
    """Which fields of a table hold what. An empty name means: the field with a usual name, such as `id` or `score`.

    A field inside others is named by its path: `judge.score`, `outputs[0].text`.
    """

    id: str = option(
        "", help="the field with the record's ID, by which rows of two files are paired; else its input text"
    )
    score: tuple[str, ...] = option(
        (), help="the fields with scores, each of which is a metric; true and false count as 1 and 0"
    )
    group: str = option(
        "", help="the field, such as document, whose value records of one group share: they count as one in comparisons"
    )
    answer: str = option("", help="the field with the answer's text")
    input: str = option("", help="the field with what was asked; it must be equal in all files for one ID")
    reference: str = option("", help="the field with the reference; it must be equal in all files for one ID")
    candidate: str = option("", help="the field with the candidate's name, where a file has several")
    dataset: str = option("", help="the field with the dataset's name, where a file has several")
    metric: str = option("", help="the field with the metric's name, where a file has a row for each metric")
    delimiter: str = option(
        "", help="the character between cells, by default found by the first rows", validator=_one_character
    )
    encoding: str = option(
        "", help="the encoding of a text; by default UTF-8, or what its byte order mark says", validator=_known_encoding
    )


def _column(_options: object, attribute: attrs.Attribute[str], value: str) -> None:
    if value and not is_column(value):
        message = f"{attribute.name} is the name of a field or a path such as doc.id, not {value!r}"
        raise ValueError(message)


@attrs.frozen(kw_only=True)
class ToolImportOptions(Options):
    """How the records of another tool are paired; by default by the tool's own hash or ID."""

    id: str = option(
        "",
        help="the field of the record that pairs it, also with those of other tools: doc.id, vars.id, instruction",
        validator=_column,
    )
    group: str = option(
        "",
        help="the field, such as doc.document, whose value records of one group share: they count as one in comparisons",
        validator=_column,
    )


@attrs.frozen(kw_only=True)
class MlflowImportOptions(ToolImportOptions):
    """Which columns of an MLflow evaluation table hold what. An empty name means: the column with a usual name."""

    input: str = option("", help="the column with the input: inputs, question, request or query")
    answer: str = option("", help="the column with the model's answer: outputs, predictions or response")
    reference: str = option(
        "", help="the column with the reference: targets, target, ground_truth or expected_response"
    )
