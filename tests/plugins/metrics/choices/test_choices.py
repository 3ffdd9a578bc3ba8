"""The choices of a record, and the right one among them."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_plugins.metrics.answers import UnusableRecordError
from llmops_plugins.metrics.choices.choices import Choices, choices_of, right_choice

CITIES = Choices(("Rome", "Oslo", "B"), ("A", "B", "C"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["Rome", "Oslo"], Choices(("Rome", "Oslo"), ("A", "B"))),
        ({"text": ["Rome", "Oslo"], "label": ["1", "2"]}, Choices(("Rome", "Oslo"), ("1", "2"))),
        ({"text": ["Rome", "Oslo"]}, Choices(("Rome", "Oslo"), ("A", "B"))),
        ([str(number) for number in range(30)], Choices(tuple(map(str, range(30))), tuple(map(str, range(30))))),
    ],
)
def test_choices_are_a_list_or_have_labels(value: Any, expected: Choices) -> None:
    """Without labels they are A, B, C; above 26, numbers from 0."""
    assert expected == choices_of({"choices": value}, "choices")


@pytest.mark.parametrize(
    "value",
    [
        [],
        ["Rome"],
        ["Rome", "Rome"],
        ["Rome", ""],
        ["Rome", 5],
        "Rome",
        None,
        {"text": ["a", "b"], "label": ["A"]},
        {"text": ["a", "b"], "label": ["A", "A"]},
    ],
)
def test_other_choices_make_a_record_unusable(value: Any) -> None:
    """Fewer than two, equal or empty ones, labels that do not fit."""
    with pytest.raises(UnusableRecordError, match=r"the (labels in the )?field .choices. must"):
        choices_of({"choices": value}, "choices")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (2, 2),
        ("Oslo", 1),
        ("B", 2),
        ("A", 0),
        ("(a)", 0),
        ("c.", 2),
        (["Rome"], 0),
        ("rome", None),
        ("2", 2),
        ("3", None),
        (3, None),
        (-1, None),
        (True, None),
        (1.0, None),
        ("D", None),
        ("", None),
        (None, None),
    ],
)
def test_the_right_choice_is_a_number_a_text_or_a_label(value: Any, expected: int | None) -> None:
    """The text B is the third choice here; a number may be text, as datasets make it of a number in `response`."""
    if expected is None:
        with pytest.raises(UnusableRecordError, match="the reference field 'response' is none of the choices"):
            right_choice({"response": value}, "response", CITIES)
    else:
        assert expected == right_choice({"response": value}, "response", CITIES)
