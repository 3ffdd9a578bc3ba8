"""Ages and sizes as people write them: `30d`, `10GB`."""

from __future__ import annotations

import re

from llmops_sdk.errors import SpecError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_BINARY = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_THOUSAND = 1000


def parse_age(text: str) -> float:
    """Return the seconds in an age such as `90s`, `30m`, `2h` or `1.5d`.

    >>> parse_age("1.5h")
    5400.0

    Raises:
        SpecError: The text is not an age.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd])", text.strip())
    if match is None:
        message = f"an age is a number and a unit, such as '90s', '30m', '2h' or '1.5d', not {text!r}"
        raise SpecError(message)
    return float(match[1]) * _SECONDS[match[2]]


def format_age(seconds: float) -> str:
    """Return an age as text, in its largest fitting unit.

    >>> format_age(40), format_age(90 * 60), format_age(3 * 86400)
    ('40 s', '1.5 h', '3 d')
    """
    unit = next((unit for unit in ("d", "h", "m") if seconds >= _SECONDS[unit]), "s")
    return f"{round(seconds / _SECONDS[unit], 1):g} {'min' if unit == 'm' else unit}"


def parse_size(text: str) -> int:
    """Return the bytes in a size such as `500MB`, `10GB` or `1.5 GiB`.

    >>> parse_size("1.5 GB"), parse_size("2KiB"), parse_size("0")
    (1500000000, 2048, 0)

    Raises:
        SpecError: The text is not a size.
    """
    units = {unit.lower(): size for unit, size in {**_BYTES, **_BINARY}.items()}
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]*)", text.strip())
    unit = match[2].lower() if match else ""
    if match is None or (unit not in units and not (unit == "" and float(match[1]) == 0)):
        message = f"a size is a number and a unit, such as '500MB', '10GB' or '1.5TiB', not {text!r}"
        raise SpecError(message)
    return int(float(match[1]) * units.get(unit, 1))


def format_size(size: int) -> str:
    """Return a size as text, in its largest fitting unit.

    >>> format_size(0), format_size(1), format_size(64_200), format_size(3_210_000_000)
    ('0 bytes', '1 byte', '64.2 kB', '3.2 GB')
    """
    if size < _THOUSAND:
        return f"{size} byte" if size == 1 else f"{size} bytes"
    unit = next(unit for unit in reversed(_BYTES) if size >= _BYTES[unit])
    return f"{size / _BYTES[unit]:.1f} {unit}"
