from __future__ import annotations

import math
from pathlib import Path

import pytest

from llmops_plugins.importers.json_files import (
    amount,
    count,
    first_object,
    head,
    json_object,
    mark,
    plain,
    reason,
    score,
    short_hash,
)
from llmops_sdk.errors import DataError


def test_scores_are_numbers_or_none() -> None:
    """True counts 1; null and NaN are no score; a text is refused with the metric and the row."""
    assert [1.0, 0.5, None, None] == [score(value, "f1", "row 1") for value in (True, 0.5, None, math.nan)]
    with pytest.raises(DataError, match=r"^the score 'f1' of row 1: 'good' is no number$"):
        score("good", "f1", "row 1")


def test_marks_are_1_or_0() -> None:
    """Judges write yes and no; numbers and other texts are no marks."""
    assert [1.0, 0.0, 1.0, None, None] == [mark(value) for value in (" Yes ", "fail", True, 1, "maybe")]


def test_counts_and_amounts_are_not_negative() -> None:
    """What is none is left out: a text, a negative number, true."""
    assert [3, None, None, None] == [count(value) for value in (3, -1, True, "3")]
    assert [1.5, 1.5, None, None, None] == [amount(value, unit=1000) for value in (1500, "1500", -1, math.inf, True)]


def test_plain_values_have_no_nan() -> None:
    """No JSON file can hold it."""
    assert {"a": [None, 1, {"b": None}]} == plain({"a": (math.nan, 1, {"b": math.inf})})
    assert short_hash({"a": math.nan, "b": 1}) == short_hash({"b": 1, "a": None})


def test_a_reason_is_one_line() -> None:
    """Of a traceback only the first line is shown."""
    assert ["no luck", "", "1", "Error(' Request: x')"] == [
        reason(value) for value in ("no luck\n  at x", None, 1, "Error('\\nRequest:\\nx')")
    ]


def test_a_json_file_must_be_one_object(tmp_path: Path) -> None:
    """Otherwise the message names what it is."""
    path = tmp_path / "a.json"
    path.write_text('{"a": 1}')
    assert {"a": 1} == json_object(path)
    for text, problem in [("[1]", r"is \[1\], not a JSON object"), ('{"a": ', "is not complete JSON")]:
        path.write_text(text)
        with pytest.raises(DataError, match=problem):
            json_object(path)
    with pytest.raises(DataError, match="cannot read"):
        json_object(tmp_path / "none.json")


def test_a_quick_look_never_fails(tmp_path: Path) -> None:
    """What cannot be read looks empty."""
    path = tmp_path / "a.jsonl"
    path.write_text('\ufeff{"a": 1}\n{', encoding="utf-8")

    assert ({"a": 1}, '{"a": 1}\n{') == (first_object(path), head(path))
    path.write_bytes(b"\xff\xfe")
    assert {} == first_object(path)
    for other in (tmp_path, tmp_path / "none"):
        assert ({}, "") == (first_object(other), head(other))
