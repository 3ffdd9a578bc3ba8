"""Validators that the options of the evaluators share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any


def some_of(known: tuple[str, ...]) -> Callable[[Any, Any, tuple[str, ...]], None]:
    """Return a validator of metric names: at least one, all known, none twice."""

    def check(_options: object, _attribute: object, value: tuple[str, ...]) -> None:
        unknown = [name for name in value if name not in known]
        if unknown:
            message = f"no metric is called {unknown[0]!r}; known: {', '.join(known)}"
            raise ValueError(message)
        if not value or len(set(value)) < len(value):
            message = f"metrics are one or more of {', '.join(known)}, each once; the first one decides"
            raise ValueError(message)

    return check


def one_of(known: tuple[str, ...]) -> Callable[[Any, Any, str], None]:
    """Return a validator of a choice."""

    def check(_options: object, attribute: Any, value: str) -> None:
        if value not in known:
            message = f"{attribute.name} is one of {', '.join(known)}, not {value!r}"
            raise ValueError(message)

    return check


def is_pattern(_options: object, attribute: Any, value: str) -> None:
    """Refuse a text that is no regular expression of Python's; an empty one stands for none."""
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as exc:
        message = f"{attribute.name} is no regular expression: {exc} of {value!r}"
        raise ValueError(message) from None
