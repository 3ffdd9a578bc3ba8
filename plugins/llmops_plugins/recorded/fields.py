"""Fields of a row, also those inside other fields: `response.choices[0].text`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_PART = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_DEEPEST = 4


def value_at(row: Mapping[str, Any], path: str) -> Any:
    """Return the value of a field, or None where the row has none.

    Args:
        row: The row.
        path: The name of a field, which may have dots in it, or a path of names and places.

    >>> value_at({"usage": {"tokens": [7, 8]}}, "usage.tokens[1]")
    8
    """
    if path in row:
        return row[path]
    value: Any = row
    for match in _PART.finditer(path):
        name, place = match.groups()
        if name is not None and isinstance(value, Mapping):
            value = value.get(name)
        elif place is not None and isinstance(value, list) and int(place) < len(value):
            value = value[int(place)]
        else:
            return None
    return value


def paths_of(row: Mapping[str, Any], prefix: str = "", depth: int = 1) -> Iterator[str]:
    """Yield the paths of a row's fields, those inside objects after the object's own."""
    for name, value in row.items():
        yield f"{prefix}{name}"
        if isinstance(value, Mapping) and depth < _DEEPEST:
            yield from paths_of(value, f"{prefix}{name}.", depth + 1)
