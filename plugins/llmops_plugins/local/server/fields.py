"""Strict reading of the fields of a JSON object: each error names the field, its value and what is allowed."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from llmops_sdk.plugin import UserError

_MAX_STRINGS = 16


class BadRequestError(UserError):
    """A body that cannot be answered.

    Attributes:
        status: The HTTP status.
        field: The field that has to be changed, or None.
        code: OpenAI's name for the reason, if it has one.
    """

    def __init__(self, message: str, status: int = 400, *, field: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.field = field
        self.code = code


class Fields:
    """Reads the fields of an object; missing and null ones are None.

    Args:
        values: The object.
        path: What messages put before a field's name, such as `parameters.`.
    """

    def __init__(self, values: Any, path: str) -> None:
        if not isinstance(values, dict):
            message = f"'{path.rstrip('.')}' must be an object, not {describe_type(values)}"
            raise BadRequestError(message, field=path.rstrip("."))
        self.values = values
        self._path = path

    def boolean(self, name: str) -> bool | None:
        """Read true or false."""
        value: bool | None = self._read(name, lambda value: isinstance(value, bool), "true or false")
        return value

    def integer(self, name: str, least: int, most: int) -> int | None:
        """Read a whole number in a range."""
        allowed = f"a whole number from {least} to {most}"
        value: int | None = self._read(name, lambda value: type(value) is int and least <= value <= most, allowed)
        return value

    def number(self, name: str, least: float, most: float) -> float | None:
        """Read a finite number in a range."""
        allowed = f"a number from {least:g} to {most:g}"
        value: float | None = self._read(name, lambda value: _is_number(value) and least <= value <= most, allowed)
        return value

    def probability(self, name: str) -> float:
        """Read a number above 0 and at most 1; 1 if it is missing."""
        value = self._read(name, lambda value: _is_number(value) and 0 < value <= 1, "a number above 0 and at most 1")
        return 1.0 if value is None else float(value)

    def strings(self, name: str) -> tuple[str, ...]:
        """Read a text or a list of texts, none of them empty."""
        value = self.values.get(name)
        if value is None:
            return ()
        texts = value if isinstance(value, list) else [value]
        valid = len(texts) <= _MAX_STRINGS and all(isinstance(text, str) and text for text in texts)
        if not valid:
            message = f"'{self._path}{name}' must be a text or up to {_MAX_STRINGS} texts, none of them empty"
            raise BadRequestError(message, field=f"{self._path}{name}")
        return tuple(read_text(text, f"{self._path}{name}", may_be_blank=True) for text in texts)

    def _read(self, name: str, is_valid: Callable[[Any], bool], allowed: str) -> Any:
        value = self.values.get(name)
        if value is None or is_valid(value):
            return value
        message = f"'{self._path}{name}' must be {allowed}, not {_shown(value)}"
        raise BadRequestError(message, field=f"{self._path}{name}")


def check_names(values: Mapping[str, Any], known: tuple[str, ...], kind: str) -> None:
    """Reject fields that are not known.

    Args:
        values: The object.
        known: The names of its fields.
        kind: What messages call a field, such as `parameter`.

    Raises:
        BadRequestError: Names the field, and a similar one that is known.
    """
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ";"
            message = f"unknown {kind} {name!r}{hint} known: {', '.join(known)}"
            raise BadRequestError(message, field=name)


def read_text(value: Any, name: str, *, may_be_blank: bool) -> str:
    """Return a value that must be text.

    Raises:
        BadRequestError: It is not, or is blank where it may not be, or is not valid Unicode.
    """
    if not isinstance(value, str):
        message = f"'{name}' must be text, not {describe_type(value)}"
        raise BadRequestError(message, field=name)
    if not may_be_blank and not value.strip():
        message = f"'{name}' is empty"
        raise BadRequestError(message, field=name)
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        message = f"'{name}' has half of a surrogate pair, which is not a character"
        raise BadRequestError(message, field=name)
    return value


def describe_type(value: Any) -> str:
    """Return what messages call a JSON value's type.

    >>> describe_type([1, 2])
    'a list'
    """
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else describe_type(value)  # noqa: PLR2004 - short enough for a message
