"""Numbers and lists as the sentences of a gate have them."""

from __future__ import annotations

from collections.abc import Sequence

from llmops_sdk.verdict.statistics.intervals import Interval

MANY_RECORDS = 100_000
"""Records above which their needed number is not given: nobody has them."""

UNDECIDED = "not decided whether it is"
"""How the words of an inconclusive check start."""

_TEN = 10


def number(value: float) -> str:
    """Return a number with three decimals and a true minus sign."""
    return _minus(f"{value + 0.0:.3f}")


def signed(value: float) -> str:
    """Return a number with three decimals and its sign."""
    return _minus(f"{value + 0.0:+.3f}")


def percent(share: float) -> str:
    """Return a share in percent.

    >>> percent(0.0213), percent(0.0004), percent(0.12345), percent(1)
    ('2.1 %', '0.04 %', '12.3 %', '100 %')
    """
    value = 100 * share
    return f"{value:.2g} %" if value < _TEN else f"{value:.3g} %"


def with_bounds(value: str, low: str | None, high: str | None) -> str:
    """Return a number with its bounds, or that it has none.

    >>> with_bounds("0.5", "0.4", None)
    '0.5 [0.4, no bound]'
    """
    if low is None and high is None:
        return f"{value} (too few records for bounds)"
    return f"{value} [{low or 'no bound'}, {high or 'no bound'}]"


def in_words(interval: Interval, *, sign: bool) -> tuple[str | None, str | None]:
    """Return the ends of an interval as texts."""
    write = signed if sign else number
    low, high = interval.low, interval.high
    return None if low is None else write(low), None if high is None else write(high)


def on_records(count: int, noun: str = "record") -> str:
    """Return what a number rests on.

    >>> on_records(1), on_records(1200, "answer")
    ('on 1 record', 'on 1,200 answers')
    """
    return f"on {count:,} {noun}{'' if count == 1 else 's'}"


def needed_words(needed: int | None, noun: str = "record") -> str:
    """Return how many records would decide a condition, as the end of a sentence; empty where that is not known.

    >>> needed_words(1200), needed_words(None)
    ('; about 1,200 records would decide it', '')
    """
    if needed is None:
        return ""
    if needed > MANY_RECORDS:
        return f"; more than {MANY_RECORDS:,} {noun}s would decide it: it is too close to the limit"
    return f"; about {needed:,} {noun}s would decide it"


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence has them.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")
