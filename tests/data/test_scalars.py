"""Numbers and IDs, however a file writes them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from llmops_sdk.data.scalars import id_text, number_of


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, 1.0),
        (0.25, 0.25),
        (True, 1.0),
        ("0.5", 0.5),
        (" TRUE ", 1.0),
        ("1e3", 1000.0),
        ("", None),
        (None, None),
        (math.nan, None),
        ("NaN", None),
        ("null", None),
    ],
)
def test_numbers_are_read_also_as_text(value: Any, number: float | None) -> None:
    """True and false are 1 and 0; what is missing is no number."""
    assert number == number_of(value)


@pytest.mark.parametrize("value", ["good", "85%", [1], {"a": 1}, math.inf, "inf", 10**400])
def test_what_is_no_number_is_refused(value: Any) -> None:
    """The error quotes it."""
    with pytest.raises(ValueError, match="is no number"):
        number_of(value)


def test_ids_are_texts() -> None:
    """One ID is one text, however a file writes it."""
    assert {"7"} == {id_text(value) for value in (7, 7.0, "7", " 7 ")}
    assert '["a", 1]' == id_text(["a", 1])
    assert "" == id_text(None)
