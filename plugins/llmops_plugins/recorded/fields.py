"""Fields of a row, also those inside other fields: `response.choices[0].text`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llmops_sdk.plugin import Record, value_at

_DEEPEST = 4


def field_of(row: Record, path: str) -> Any:
    """Return the value of a field, or None where the row has none, or no field is named.

    >>> field_of({"usage": {"tokens": 7}}, "usage.tokens"), field_of({}, "a.b"), field_of({}, "")
    (7, None, None)
    """
    if path in row:
        return row[path]
    return value_at(row, path, None) if path else None


def paths_of(row: Record, prefix: str = "", depth: int = 1) -> Iterator[str]:
    """Yield the paths of a row's fields, those inside objects after the object's own.

    >>> list(paths_of({"id": 1, "usage": {"tokens": 7}}))
    ['id', 'usage', 'usage.tokens']
    """
    for name, value in row.items():
        yield f"{prefix}{name}"
        if isinstance(value, dict) and depth < _DEEPEST:
            yield from paths_of(value, f"{prefix}{name}.", depth + 1)
