"""Merges mappings such as configs and specifications, as the SageMaker SDK does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merge(base: Mapping[str, Any], over: Mapping[str, Any], *, empty_replaces: bool = False) -> dict[str, Any]:
    """Return two mappings merged: where both have a mapping, recursively; otherwise the second one's value.

    Args:
        base: The first one.
        over: The second one.
        empty_replaces: Whether an empty mapping of the second one replaces that of the first one, and does not leave it as it is.
    """
    merged = dict(base)
    for key, value in over.items():
        is_both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        if is_both and (value or not empty_replaces):
            merged[key] = merge(merged[key], value, empty_replaces=empty_replaces)
        else:
            merged[key] = value
    return merged
