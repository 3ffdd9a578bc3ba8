from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest

from llmops_sdk.data.columns import MISSING
from llmops_sdk.data.json_values import NO_JSON, describe, is_missing, is_utf8, json_value, text_of


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (2**70, 2**70),
        (math.nan, None),
        (math.inf, NO_JSON),
        ("\ud800", NO_JSON),
        ([math.nan, {"a": math.nan}], [None, {"a": None}]),
        ([math.inf], NO_JSON),
        ({"a": {1: 2}}, {"a": {1: 2}}),
        ({"\ud800": 1}, NO_JSON),
        (dt.date(2026, 1, 1), NO_JSON),
        (_nested(100_000), NO_JSON),
    ],
)
def test_a_value_as_json_holds_it(value: object, expected: object) -> None:
    """NaN is null, also inside; what cannot be held has a value of its own."""
    assert expected == json_value(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a", "a"), (1, "1"), (False, "false"), (1.5, "1.5"), (None, ""), (MISSING, ""), (math.nan, ""), (math.inf, None)],
)
def test_a_value_as_text(value: object, expected: str | None) -> None:
    """What is missing is empty; what is no text is None."""
    assert expected == text_of(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([], "of type list"),
        (math.nan, "NaN"),
        (-math.inf, "an infinite number"),
        ("\ud800", "half of a surrogate pair"),
    ],
)
def test_a_value_is_named(value: object, expected: str) -> None:
    """In a word or two, for messages."""
    assert expected == describe(value)


def test_what_is_missing_and_what_is_utf8() -> None:
    """An empty text is not missing, and an emoji is UTF-8."""
    assert [True, True, True, False] == [is_missing(value) for value in (None, MISSING, math.nan, "")]
    assert [True, True, False] == [is_utf8(text) for text in ("a", "\U0001f600", "\udc00")]
