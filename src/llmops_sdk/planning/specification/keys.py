"""Keys that a mapping of a specification, or of a file that it names, may have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from llmops_sdk.errors import SpecError, did_you_mean

_LONGEST_VALUE = 80


def check_keys(data: Mapping[Any, Any], known: Iterable[str], where: str, hint: str = "") -> None:
    """Check that a mapping has no other key.

    Args:
        data: The mapping.
        known: The keys that it may have.
        where: How the error message starts: the place of the mapping.
        hint: What the message ends with, in place of a known key that is written alike.

    Raises:
        SpecError: It has another key.
    """
    names = tuple(known)
    for key in data:
        if key not in names:
            message = f"{where} has an unknown key {short(key)}{hint or did_you_mean(str(key), names)}"
            raise SpecError(message)


def short(value: Any) -> str:
    """Return a value for a message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
