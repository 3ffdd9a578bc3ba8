"""JSON that is not one object a line: a list of objects, objects over several lines, or columns as lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llmops_sdk.data.conversations import is_conversation
from llmops_sdk.data.files.json_stream import JsonStream
from llmops_sdk.data.files.jsonl import json_kind
from llmops_sdk.errors import DataError
from llmops_sdk.values.data import Record

_ROW_FIELDS = ("messages", "conversations", "prompt", "instruction", "question", "conversationTurns")


def read_document(stream: JsonStream, name: str) -> Iterator[tuple[int, Record]]:
    """Yield the rows of a JSON document, each with its number, from 1.

    Read as a stream: a list of objects, and objects one after the other. Read into memory: a single object, which is
    one row, or has the columns as lists of equal lengths (or by row number, as pandas writes them), or has the rows in
    its one list of objects.

    Args:
        stream: The document.
        name: Its name in messages.

    Raises:
        DataError: It is no JSON, or a row is no object.
    """
    number = 0
    for number, row in enumerate(_rows(stream, name), start=1):
        if not isinstance(row, dict):
            message = f"record {number} of {name} is {json_kind(row)}, not an object"
            raise DataError(message)
        yield number, row
    if not number:
        message = f"the file {name} has no records"
        raise DataError(message)


def starts_document(stream: JsonStream) -> bool:
    """Return whether a text starts with a complete JSON value, over one line or several."""
    try:
        stream.value()
    except DataError:
        return False
    return True


def _rows(stream: JsonStream, name: str) -> Iterator[Any]:
    if stream.next_character() == "[":
        yield from stream.elements()
        stream.end()
        return
    values = stream.values()
    for first in values:
        if stream.next_character():
            yield first
            yield from values
        else:
            yield from _rows_of(first, name)


def _rows_of(value: Any, name: str) -> Iterator[Any]:
    """Yield the rows of a document that is a single value."""
    if not isinstance(value, dict):
        message = f"{name} is {json_kind(value)}, not rows"
        raise DataError(message)
    columns = list(value.values())
    lists = [column for column in columns if isinstance(column, list)]
    if any(is_conversation(column) for column in lists):
        yield value
        return
    objects = [column for column in lists if column and all(isinstance(item, dict) for item in column)]
    if len(objects) == 1 and not any(field in value for field in _ROW_FIELDS):
        yield from objects[0]
    elif len(columns) > 1 and len(lists) == len(columns) and len({len(column) for column in lists}) == 1:
        yield from (dict(zip(value, row, strict=True)) for row in zip(*lists, strict=True))
    elif len(columns) > 1 and all(_is_numbered(column) for column in columns):
        keys = list(columns[0])
        yield from ({field: column.get(key) for field, column in value.items()} for key in keys)
    else:
        yield value


def _is_numbered(column: Any) -> bool:
    """Return whether a column has its values by row number: `{"0": ..., "1": ...}`."""
    return isinstance(column, dict) and bool(column) and all(key.isdigit() for key in column)
