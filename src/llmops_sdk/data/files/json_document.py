"""JSON that is not one object a line: a list of objects, objects over several lines, or columns as lists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from llmops_sdk.data.conversations import is_conversation
from llmops_sdk.data.files.json_decoders import LENIENT
from llmops_sdk.data.files.jsonl import json_kind
from llmops_sdk.errors import DataError
from llmops_sdk.values.data import Record

_CHUNK = 256 * 1024
# An error this close to the end of what was read may be due to a number, a word or an escape that is cut there.
_CUT = 32
_SPACE = re.compile(r"[ \t\r\n]*")
_NO_SEPARATOR, _NO_END = "expected ',' or ']'", "something follows the list"
_ROW_FIELDS = ("messages", "conversations", "prompt", "instruction", "question", "conversationTurns")


def read_document(text: TextIO, name: str) -> Iterator[tuple[int, Record]]:
    """Yield the rows of a JSON document, each with its number, from 1.

    Read as a stream: a list of objects, and objects one after the other. Read into memory: a single object, which is
    one row, or has the columns as lists of equal lengths (or by row number, as pandas writes them), or has the rows in
    its one list of objects.

    Raises:
        DataError: It is no JSON, or a row is no object.
    """
    values = _Values(text, name)
    if values.peek() == "[":
        rows = values.elements()
    else:
        first = values.next()
        rows = _rows_of(first, name) if not values.peek() else _chained(first, values)
    number = 0
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            message = f"record {number} of {name} is {json_kind(row)}, not an object"
            raise DataError(message)
        yield number, row
    if not number:
        message = f"the file {name} has no records"
        raise DataError(message)


def starts_document(text: TextIO, name: str) -> bool:
    """Return whether a text starts with a complete JSON value, over one line or several."""
    try:
        _Values(text, name).next()
    except DataError:
        return False
    return True


def _chained(first: Any, values: _Values) -> Iterator[Any]:
    yield first
    while values.peek():
        yield values.next()


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


class _Values:
    """The JSON values of a text, which is read in parts: at most the value that is read is in memory."""

    def __init__(self, text: TextIO, name: str) -> None:
        self._text = text
        self._name = name
        self._buffer = ""
        self._place = 0
        self._number = 0
        self._is_all = False

    def peek(self) -> str:
        """Return the next character that is no space; empty at the end."""
        while True:
            space = _SPACE.match(self._buffer, self._place)
            self._place = space.end() if space else self._place
            if self._place < len(self._buffer) or self._is_all:
                return self._buffer[self._place : self._place + 1]
            self._read()

    def next(self) -> Any:
        """Return the next value.

        Raises:
            DataError: It is no JSON.
        """
        self._number += 1
        self.peek()
        while True:
            try:
                value, end = LENIENT.raw_decode(self._buffer, self._place)
            except json.JSONDecodeError as exc:
                is_cut = exc.msg.startswith("Unterminated string") or exc.pos > len(self._buffer) - _CUT
                if self._is_all or not is_cut:
                    raise self._no_json(exc.msg, exc.pos) from None
            except RecursionError as exc:
                raise self._no_json(str(exc), self._place) from None
            else:
                if end < len(self._buffer) or self._is_all:
                    self._place = end
                    return value
            self._read()

    def elements(self) -> Iterator[Any]:
        """Yield the elements of the list that comes next.

        Raises:
            DataError: It is no list, or something follows it.
        """
        self.peek()
        self._place += 1
        if self.peek() != "]":
            while True:
                yield self.next()
                separator = self.peek()
                if separator == "]":
                    break
                if separator != ",":
                    raise self._no_json(_NO_SEPARATOR, self._place)
                self._place += 1
        self._place += 1
        if self.peek():
            raise self._no_json(_NO_END, self._place)

    def _read(self) -> None:
        """Read more, as much as is there already: a long value is then decoded only a few times."""
        rest = self._buffer[self._place :]
        more = self._text.read(max(_CHUNK, len(rest)))
        self._is_all = not more
        self._buffer, self._place = rest + more, 0

    def _no_json(self, problem: str, place: int) -> DataError:
        near = self._buffer[place : place + 20]
        where = f"near {near!r}" if near else "at its end"
        return DataError(f"record {self._number} of {self._name} is not JSON {where}: {problem.lower()}")
