"""The two ways to read JSON: only what JSON can hold, or also NaN, infinite numbers and any number of digits."""

from __future__ import annotations

import json
from typing import NoReturn


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is not a JSON number; write null or omit the field"
    raise ValueError(message)


def _integer(digits: str) -> int | float:
    """Return an integer, or an infinite float if it has more digits than Python reads."""
    try:
        return int(digits)
    except ValueError:
        return float(digits)


STRICT = json.JSONDecoder(parse_constant=_refuse_constant)
LENIENT = json.JSONDecoder(parse_int=_integer)
