"""Single values of a row, as what they stand for: a number, an ID."""

from __future__ import annotations

import json
import math
from typing import Any

_TRUTHS = {"true": 1.0, "false": 0.0}
_NOTHING = ("", "nan", "none", "null")
_SHOWN = 200


def number_of(value: Any) -> float | None:
    """Return a number, true or false as 1 or 0, or one of those written as text; None where there is none.

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
        text = repr(value)
        message = f"{text if len(text) <= _SHOWN else f'{text[:_SHOWN]}...'} is no number"
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
