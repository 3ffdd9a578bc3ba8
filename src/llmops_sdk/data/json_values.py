"""Values of rows as JSON can hold them: fields that nothing uses, and references as texts."""

from __future__ import annotations

import json
import math
from typing import Any

from llmops_sdk.data.columns import MISSING

NO_JSON = object()
"""What JSON cannot hold, also inside a list or a structure."""

_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def json_value(value: Any) -> Any:
    """Return the value of a field that nothing uses as JSON has it: NaN, which means missing, is null.

    >>> json_value([1, float("nan")]), json_value({"a": float("inf")}) is NO_JSON
    ([1, None], True)
    """
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return value if is_utf8(value) else NO_JSON
    if isinstance(value, float):
        return value if math.isfinite(value) else None if math.isnan(value) else NO_JSON
    try:
        _json.encode(value).encode()
    except (TypeError, ValueError, RecursionError):
        return _repaired(value)
    return value


def is_utf8(text: str) -> bool:
    """Return whether a text has no half of a surrogate pair, which UTF-8 cannot hold."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def text_of(value: Any) -> str | None:
    """Return a value as text: numbers, true and false as JSON writes them, and what is missing as an empty text.

    None stands for what is no text.

    >>> text_of(1), text_of(True), text_of(None), text_of([1]) is None
    ('1', 'true', '', True)
    """
    if is_missing(value):
        return ""
    if isinstance(value, str):
        return value if is_utf8(value) else None
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return json.dumps(value)
    return None


def is_missing(value: Any) -> bool:
    """Return whether a row has no value: no such column, null, or NaN, which pandas writes for null."""
    return value is MISSING or value is None or (isinstance(value, float) and math.isnan(value))


def describe(value: Any) -> str:
    """Return what a value is, in a word or two.

    >>> describe([1]), describe(float("inf"))
    ('of type list', 'an infinite number')
    """
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "an infinite number"
    if isinstance(value, str):
        return "half of a surrogate pair"
    return f"of type {type(value).__name__}"


def _repaired(value: Any) -> Any:
    """Return a list or a structure with null for NaN inside it, or `NO_JSON`."""
    try:
        if isinstance(value, dict) and all(isinstance(key, str) and is_utf8(key) for key in value):
            items = {key: json_value(item) for key, item in value.items()}
            return NO_JSON if any(item is NO_JSON for item in items.values()) else items
        if isinstance(value, (list, tuple)):
            values = [json_value(item) for item in value]
            return NO_JSON if any(item is NO_JSON for item in values) else values
    except RecursionError:
        pass
    return NO_JSON
