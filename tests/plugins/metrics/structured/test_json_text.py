"""JSON is read from an answer as RFC 8259 has it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, strategies as st

from llmops_plugins.metrics.answers import UnreadableAnswerError
from llmops_plugins.metrics.structured.json_text import equal, parse_json, read_json

OBJECT = '{"a": 1}'
FENCED = f"```json\n{OBJECT}\n```"
NONE = "no JSON"


@pytest.mark.parametrize(
    ("text", "whole", "fence", "anywhere"),
    [
        (OBJECT, {"a": 1}, {"a": 1}, {"a": 1}),
        (f" \n{OBJECT}\n", {"a": 1}, {"a": 1}, {"a": 1}),
        (f"\ufeff{OBJECT}", {"a": 1}, {"a": 1}, {"a": 1}),
        ('"text"', "text", "text", "text"),
        (FENCED, NONE, {"a": 1}, {"a": 1}),
        (f"Here:\n{FENCED}\nDone.", NONE, {"a": 1}, {"a": 1}),
        (f"~~~\n{OBJECT}\n~~~", NONE, {"a": 1}, {"a": 1}),
        (f"```\n{OBJECT}", NONE, {"a": 1}, {"a": 1}),
        (f"{FENCED}\n{FENCED}", NONE, NONE, {"a": 1}),
        (f"```python\nx = 1\n```\n{FENCED}", NONE, {"a": 1}, {"a": 1}),
        (f"The result is {OBJECT}.", NONE, NONE, {"a": 1}),
        (f"The {{x}} is {OBJECT}.", NONE, NONE, {"a": 1}),
        (f"{OBJECT} {OBJECT}", NONE, NONE, {"a": 1}),
        ("", NONE, NONE, NONE),
        ("It is 7.", NONE, NONE, NONE),
        ('{"a": 1,}', NONE, NONE, NONE),
        ("{'a': 1}", NONE, NONE, NONE),
        ('{"a": 1', NONE, NONE, NONE),
    ],
)
def test_where_the_json_may_be(text: str, whole: Any, fence: Any, anywhere: Any) -> None:
    """The whole answer, its one code block, or the first object in it."""

    def read(place: str) -> Any:
        try:
            return read_json(text, place)
        except UnreadableAnswerError:
            return NONE

    assert [whole, fence, anywhere] == [read(place) for place in ("whole", "fence", "anywhere")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[1, NaN]", "JSON has no NaN"),
        ("-Infinity", "JSON has no -Infinity"),
        ('{"b": {"a": 1, "a": 1}}', "the name 'a' is there twice"),
        ("[" * 100_000, "it is nested too deeply"),
        ("[" * 101 + "]" * 101, "it is nested more than 100 deep"),
        ("[1e9999999999999999999]", "the number '1e9999999999999999999' is too large"),
        ('{"a":\n 1 2}', "Expecting ',' delimiter at line 2, column 4"),
    ],
)
def test_what_is_no_json(text: str, reason: str) -> None:
    """What Python's parser accepts beyond JSON, and what programs read differently."""
    with pytest.raises(ValueError, match=reason):
        parse_json(text)


def test_numbers_have_no_largest() -> None:
    """Integers of 5,000 digits and powers beyond floats are exact."""
    assert [Decimal("1e999"), Decimal("9" * 5000)] == parse_json(f"[1e999, {'9' * 5000}]")
    assert [10**100] == parse_json(f"[1{'0' * 100}]")


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("1", "1.0", True),
        ("1", "true", False),
        ("[0]", "[false]", False),
        ('{"a": 1, "b": 2}', '{"b": 2.0, "a": 1}', True),
        ("[1, 2]", "[2, 1]", False),
        ("[1]", "[1, 1]", False),
        ('{"a": null}', "{}", False),
        ('"1"', "1", False),
        ("1e999", "1E+999", True),
        ("null", "null", True),
    ],
)
def test_json_compares_values_by_what_they_are(left: str, right: str, expected: bool) -> None:  # noqa: FBT001 - a case
    """Numbers by their value; true and false are no numbers; names have no order."""
    assert expected == equal(parse_json(left), parse_json(right))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_what_python_writes_is_read(value: Any) -> None:
    """Alone, indented, and within a code block."""
    text = json.dumps(value, indent=2)

    assert equal(value, parse_json(json.dumps(value)))
    assert equal(value, read_json(f"Here:\n```json\n{text}\n```"))
