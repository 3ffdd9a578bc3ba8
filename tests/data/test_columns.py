from __future__ import annotations

from typing import Any

import pytest

from llmops_sdk.data.columns import MISSING, is_column, root_of, value_at

ROW: dict[str, Any] = {
    "question": "q",
    "answers": {"text": ["Ada", "by Ada"], "answer_start": [1]},
    "turns": [{"by": "me", "say": "a"}, {"by": "you"}],
    "dotted.name": 1,
    "meta": {"dotted.name": 2, "empty": []},
}


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("question", "q"),
        ("answers.text", ["Ada", "by Ada"]),
        ("answers.text[0]", "Ada"),
        ("answers.text[-1]", "by Ada"),
        ("turns[1].by", "you"),
        ("turns.by", ["me", "you"]),
        ("turns.say", ["a"]),
        ("dotted.name", 1),
        ("meta.dotted.name", 2),
        ("answers.text[2]", MISSING),
        ("answers.none", MISSING),
        ("question.text", MISSING),
        ("question[0]", MISSING),
        ("meta.empty.text", MISSING),
        ("turns.none", MISSING),
        ("none", MISSING),
    ],
)
def test_a_path_is_followed(column: str, expected: object) -> None:
    """Names after dots, places in brackets, and a name of each element of a list."""
    assert expected == value_at(ROW, column)


@pytest.mark.parametrize(
    ("text", "valid"),
    [("a", True), ("a b.c", True), ("a.b[0].c", True), ("a[-1]", True), ("a[x]", False), ("[0]", False), (".a", False)],
)
def test_what_a_column_can_be(text: str, valid: bool) -> None:  # noqa: FBT001 - a parameter
    """A path that could never be followed is a mistake in the specification."""
    assert valid == is_column(text)


def test_a_path_is_inside_a_field() -> None:
    """That field is read, and is no other field of the record."""
    assert ["answers", "dotted.name", "none"] == [
        root_of(column, ROW) for column in ("answers.text[0]", "dotted.name", "none")
    ]


def test_a_missing_value_is_false() -> None:
    """So that `value or default` works."""
    assert not MISSING
