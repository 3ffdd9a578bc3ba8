"""What differs between two values, in short."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_LONGEST = 40
_AROUND = 16
_MOST = 4


def compare_mappings(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Return what differs between two mappings, nested ones included; empty if nothing does.

    >>> compare_mappings({"epochs": 1, "optimizer": {"lr": 0.1}}, {"epochs": 2, "optimizer": {"lr": 0.1}})
    'epochs 1 → 2'
    """
    old, new = _flat(before), _flat(after)
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    changes = [f"{name} {compare_values(old.get(name), new.get(name))}" for name in names[:_MOST]]
    more = [f"and {len(names) - _MOST} more"] if len(names) > _MOST else []
    return ", ".join(changes + more)


def compare_values(before: Any, after: Any) -> str:
    """Return a value before and after, in short; of long texts, the place where they start to differ.

    >>> compare_values(None, "x"), compare_values([1], [1, 2])
    ("none → 'x'", '[1] → [1, 2]')
    """
    if isinstance(before, str) and isinstance(after, str):
        place = next((at for at, (one, two) in enumerate(zip(before, after, strict=False)) if one != two), None)
        start = max(0, (min(len(before), len(after)) if place is None else place) - _AROUND)
        return f"{_excerpt(before, start)} → {_excerpt(after, start)}"
    return f"{short(before)} → {short(after)}"


def compare_hashes(before: str, after: str) -> str:
    """Return two hashes, in short.

    >>> compare_hashes("1a2b3c4d5e6f", "9f8e7d6c5b4a")
    '1a2b3c4d → 9f8e7d6c'
    """
    return f"{before[:8]} → {after[:8]}"


def short(value: Any) -> str:
    """Return a value as text of one short line."""
    if value is None:
        return "none"
    if isinstance(value, str):
        return _excerpt(value, 0)
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _flat(mapping: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in mapping.items():
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _excerpt(text: str, start: int) -> str:
    """Return a text from a place on, between quotes."""
    if len(text) <= _LONGEST:
        start = 0
    end = start + _LONGEST
    quoted = repr(text[start:end])
    return f"{'…' if start else ''}{quoted}{'…' if end < len(text) else ''}"
