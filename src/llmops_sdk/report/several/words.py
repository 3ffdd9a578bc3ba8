"""What a report over several runs calls candidates, and lists in sentences."""

from __future__ import annotations

from collections.abc import Sequence

_MOST = 4


def labelled(letter: str, candidate: str) -> str:
    """Return the name of a candidate on a page with several runs.

    >>> labelled("A", "tuned")
    'tuned (A)'
    """
    return f"{candidate} ({letter})"


def in_words(names: Sequence[str]) -> str:
    """Return names as a sentence lists them; of many, the first ones and the number of the others.

    >>> in_words(["A"]), in_words(["A", "B", "C"]), in_words(list("ABCDEF"))
    ('A', 'A, B and C', 'A, B, C and 3 others')
    """
    shown = list(names) if len(names) <= _MOST else [*names[: _MOST - 1], f"{len(names) - _MOST + 1} others"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
