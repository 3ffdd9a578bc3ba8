"""Columns inside columns: `answers.text[0]`, `inputs.question`, `turns[-1].content`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from llmops_sdk.values.data import Record

_PART = re.compile(r"(?P<name>[^.\[\]]+)|\[(?P<place>-?\d+)\]")
_COLUMN = re.compile(r"[^.\[\]]+(\.[^.\[\]]+|\[-?\d+\])*")


class Missing:
    """The value of a column that a row does not have."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing()


def value_at(row: Record, column: str, default: Any = MISSING) -> Any:
    """Return the value of a column.

    Args:
        row: The row.
        column: The column's name, or a path: names after dots, places in a list in brackets (negative ones count from its
            end). A name after a list stands for that field of each element. A column that has the path as its name
            takes precedence.
        default: What is returned if the row has no such column; by default `MISSING`.

    >>> row = {"answers": {"text": ["Ada", "by Ada"]}, "turns": [{"by": "me"}, {"by": "you"}], "a.b": 1}
    >>> value_at(row, "answers.text[0]"), value_at(row, "turns.by"), value_at(row, "turns[-1].by"), value_at(row, "a.b")
    ('Ada', ['me', 'you'], 'you', 1)
    >>> value_at(row, "answers.none")
    MISSING
    """
    if column in row:
        return row[column]
    value: Any = row
    rest = column
    while rest:
        if isinstance(value, Mapping) and rest in value:
            return value[rest]
        part = _PART.match(rest)
        if not part:
            return default
        value = _inside(value, part)
        if isinstance(value, Missing):
            return default
        rest = rest[part.end() :].removeprefix(".")
    return value


def is_column(text: str) -> bool:
    """Return whether a text can be a column's name or path.

    >>> is_column("answers.text[0]"), is_column("the text"), is_column("a[x]"), is_column("a..b")
    (True, True, False, False)
    """
    return bool(_COLUMN.fullmatch(text))


def root_of(column: str, row: Record) -> str:
    """Return the name of the row's field that a column is, or is inside of.

    >>> root_of("answers.text[0]", {"answers": {}})
    'answers'
    """
    if column in row:
        return column
    part = _PART.match(column)
    return part["name"] if part and part["name"] else column


def _inside(value: Any, part: re.Match[str]) -> Any:
    if part["place"] is not None:
        place = int(part["place"])
        is_there = isinstance(value, (list, tuple)) and -len(value) <= place < len(value)
        return value[place] if is_there else MISSING
    if isinstance(value, Mapping):
        return value.get(part["name"], MISSING)
    if isinstance(value, (list, tuple)) and value and all(isinstance(item, Mapping) for item in value):
        return [item[part["name"]] for item in value if part["name"] in item] or MISSING
    return MISSING
