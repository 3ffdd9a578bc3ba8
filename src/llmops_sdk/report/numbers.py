"""Numbers as text, as the report shows them."""

from __future__ import annotations

import math

from llmops_sdk.values.estimates import Estimate


def number(value: float | None, *, sign: bool = False) -> str:
    """Write a number as people compare it: three decimals below 10, fewer above, a true minus sign."""
    if value is None or not math.isfinite(value):
        return "\N{EN DASH}"
    size = abs(value)
    decimals = next((places for places, limit in ((3, 10), (2, 100), (1, 1000)) if size < limit), 0)
    text = f"{size:,.{decimals}f}"
    if not text.strip("0."):
        return text
    return ("\N{MINUS SIGN}" if value < 0 else "+" if sign else "") + text


def interval(estimate: Estimate, *, sign: bool = False) -> str:
    """Write the interval of an estimate: `[0.291, 0.334]`; of one that is not bounded, that it has none."""
    if estimate.low is None or estimate.high is None:
        return "no interval"
    return f"[{number(estimate.low, sign=sign)}, {number(estimate.high, sign=sign)}]"


def amount(value: float | None) -> str:
    """Write a number that may be a count: `1,172`, `481.2`, `0.312`."""
    if value is None or not math.isfinite(value):
        return "\N{EN DASH}"
    if value == int(value):
        return f"{int(value):,}".replace("-", "\N{MINUS SIGN}")
    return f"{value:,.1f}" if abs(value) >= 10 else number(value)  # noqa: PLR2004 - four digits are enough


def duration(seconds: float | None) -> str:
    """Write a time: `4 ms`, `0.42 s`, `12.3 s`, `3 min 05 s`, `2 h 07 min`."""
    if seconds is None or not math.isfinite(seconds):
        return "\N{EN DASH}"
    if seconds < 0.0995:  # noqa: PLR2004 - two digits of it are left in seconds
        return f"{1000 * seconds:.0f} ms"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{seconds:.1f} s" if round(seconds, 2) >= 10 else f"{seconds:.2f} s"  # noqa: PLR2004 - three digits
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def finite(value: float | None) -> float | None:
    """Return a number as JSON can hold it, rounded to what a page can show."""
    return round(value, 6) if value is not None and math.isfinite(value) else None
