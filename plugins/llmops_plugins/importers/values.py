"""Values in result files: numbers that may be written as text, IDs, and texts short enough for a message."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

_LONG = 200
_TRUTHS = {"true": 1.0, "false": 0.0}
_NOTHING = ("", "nan", "none", "null")


def number_of(value: Any) -> float | None:
    """Return a score: a number, true or false, or one of those written as text; None where there is none.

    >>> number_of("0.5"), number_of(True), number_of("False"), number_of("")
    (0.5, 1.0, 0.0, None)

    Raises:
        ValueError: It is something else, or infinite; the message quotes it.
    """
    if isinstance(value, str):
        text = value.strip().lower()
        value = None if text in _NOTHING else _TRUTHS.get(text, value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    try:
        number = float(value) if isinstance(value, (bool, int, float, str)) else math.inf
    except (ValueError, OverflowError):
        number = math.inf
    if not math.isfinite(number):
        message = f"{shown(value)} is no number"
        raise ValueError(message)
    return number


def id_text(value: Any) -> str:
    """Return an ID as text, so that 7, '7' and 7.0 are one; empty where there is none.

    >>> id_text(7.0), id_text(" 7 "), id_text(None)
    ('7', '7', '')
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is None or isinstance(value, str):
        return (value or "").strip()
    return json.dumps(value, sort_keys=True, default=str)


def text_of(value: Any) -> str:
    """Return a value as text: a conversation as its turns, any other list or object as JSON.

    >>> text_of([{"role": "user", "content": "Hi"}]), text_of({"a": 1}), text_of(None)
    ('user: Hi', '{"a": 1}', '')
    """
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, list) and value and all(isinstance(turn, Mapping) and "content" in turn for turn in value):
        return "\n\n".join(f"{turn.get('role', '')}: {text_of(turn['content'])}" for turn in value)
    return json.dumps(value, ensure_ascii=False, default=str)


def shown(value: Any) -> str:
    """Return a value for a message.

    >>> shown("good")
    "'good'"
    """
    text = repr(value)
    return text if len(text) <= _LONG else f"{text[:_LONG]}..."
