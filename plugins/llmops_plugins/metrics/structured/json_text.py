r"""JSON in an answer: read as RFC 8259 has it, from the whole answer or from a Markdown code block in it."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from llmops_plugins.metrics.answers import UnreadableAnswerError, shown

_FENCE = re.compile(
    r"^[ \t]*(?P<mark>`{3,}|~{3,})[ \t]*(?P<word>[\w+-]*)[^\n`]*\n(?P<text>.*?)(?:^[ \t]*(?P=mark)[`~]*[ \t]*$|\Z)",
    re.DOTALL | re.MULTILINE,
)
_OPENING = re.compile(r"[{\[]")
_MOST_STARTS = 200
_MOST_DIGITS = 4000
_DEEPEST = 100


class _RefusedError(ValueError):
    """Python's parser reads it, and JSON has no such thing."""


def read_json(output: str, place: str = "fence") -> Any:
    r"""Return the JSON of an answer. A code block may lack its end, which is often a stop string.

    `NaN` and `Infinity` are no JSON, and an object with a name twice is refused, since programs read it differently. Numbers
    beyond those of Python's floats are exact decimals. A byte order mark is ignored.

    >>> read_json('Here it is:\n```json\n{"a": 1}\n```\nDone.')
    {'a': 1}
    >>> read_json('The result is {"a": 1}.', "anywhere")
    {'a': 1}

    Args:
        output: The answer.
        place: `whole`: the answer is JSON, and white space. `fence`: that, or exactly one of its Markdown code blocks is
            JSON. `anywhere`: that, or else the first object or list that stands in the text.

    Raises:
        UnreadableAnswerError: There is none; with the reason and its place.
    """
    text = output.lstrip("\ufeff").strip()
    if not text:
        message = "the answer is empty"
        raise UnreadableAnswerError(message)
    try:
        return parse_json(text)
    except ValueError as exc:
        reason = str(exc)
    if place != "whole":
        values, problem = _fenced(text)
        if values:
            return values[0]
        reason = problem or reason
    if place == "anywhere":
        values = _first(text)
        if values:
            return values[0]
    message = f"the answer is no JSON ({reason}): {shown(text)}"
    raise UnreadableAnswerError(message)


def parse_json(text: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: It is none, has a name twice, or is nested too deeply.
    """
    try:
        return _checked(_DECODER.decode(text))
    except json.JSONDecodeError as exc:
        message = f"{exc.msg} at line {exc.lineno}, column {exc.colno}"
        raise ValueError(message) from None
    except RecursionError:
        message = "it is nested too deeply"
        raise ValueError(message) from None


def equal(left: Any, right: Any) -> bool:
    """Return whether two JSON values are equal: `1` is `1.0`, true is not 1, and the order of an object's names does not count.

    >>> equal({"a": 1, "b": [True]}, {"b": [True], "a": 1.0}), equal(1, True)
    (True, False)
    """
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if _is_number(left) and _is_number(right):
        return bool(left == right)
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(value, right[name]) for name, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    return type(left) is type(right) and bool(left == right)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal))


def _fenced(text: str) -> tuple[list[Any], str]:
    """Return the value of the one code block that is JSON, in a list, or why there is none."""
    blocks = [block["text"] for block in _FENCE.finditer(text)]
    values, reason = [], ""
    for block in blocks:
        try:
            values.append(parse_json(block.strip()))
        except ValueError as exc:
            reason = reason or f"in its code block: {exc}"
    if len(values) > 1:
        return [], f"{len(values)} code blocks are JSON"
    return values, reason


def _first(text: str) -> list[Any]:
    """Return the first object or list of a text, in a list; it ends where its value ends."""
    for count, start in enumerate(_OPENING.finditer(text)):
        if count == _MOST_STARTS:
            break
        try:
            value, _ = _DECODER.raw_decode(text, start.start())
            return [_checked(value)]
        except (ValueError, RecursionError):
            continue
    return []


def _checked(value: Any) -> Any:
    level = [value]
    for _ in range(_DEEPEST):
        level = [item for each in level for item in _items(each)]
        if not level:
            return value
    message = f"it is nested more than {_DEEPEST} deep"
    raise _RefusedError(message)


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        message = f"the name {shown(twice)} is there twice"
        raise _RefusedError(message)
    return value


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= _MOST_DIGITS else Decimal(digits)


def _float(digits: str) -> float | Decimal:
    value = float(digits)
    if math.isfinite(value):
        return value
    try:
        return Decimal(digits)
    except InvalidOperation:
        message = f"the number {shown(digits)} is too large"
        raise _RefusedError(message) from None


def _constant(name: str) -> Any:
    message = f"JSON has no {name}"
    raise _RefusedError(message)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant)
