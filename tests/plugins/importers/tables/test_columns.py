"""Which fields of a table hold what."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_plugins.importers.options import TableImportOptions
from llmops_plugins.importers.tables.columns import Columns, choose_columns
from llmops_sdk import DataError


def _choose(row: dict[str, Any], **options: Any) -> Columns:
    return choose_columns([row], TableImportOptions(**options), "a.csv")


def test_usual_names_are_found() -> None:
    """Those of datasets, of providers' batches and of graders."""
    row = {
        "custom_id": 1,
        "question": "?",
        "context": "c",
        "prediction": "x",
        "expected": "y",
        "is_correct": True,
        "latency_ms": 3,
        "error": "",
    }

    columns = _choose(row)

    assert ("custom_id", "question", "context") == (columns.id, columns.input, columns.context)
    assert ("prediction", "expected", "error") == (columns.answer, columns.reference, columns.error)
    assert {"is_correct": "is_correct"} == columns.scores
    assert {"latency": "latency_ms"} == columns.numbers


def test_names_of_the_user_count() -> None:
    """Also inside other fields."""
    row = {"n": 1, "judge": {"score": 0.5}, "text": {"said": "x"}, "doc": "d", "model": "m"}

    columns = _choose(row, id="n", score=("judge.score",), answer="text.said", group="doc", candidate="model")

    assert {"judge.score": "judge.score"} == columns.scores
    assert ("n", "text.said", "doc", ("model",)) == (columns.id, columns.answer, columns.group, columns.candidates)


@pytest.mark.parametrize(
    ("row", "scores"),
    [
        ({"id": 1, "scores": {"acc": 1, "why": "so", "f1": 0.5}}, {"acc": "scores.acc", "f1": "scores.f1"}),
        ({"id": 1, "quality": "3.5", "latency_ms": 20, "text": "x"}, {"quality": "quality"}),
    ],
)
def test_scores_without_a_usual_name(row: dict[str, Any], scores: dict[str, str]) -> None:
    """Those inside `scores`, or the only field with numbers that are no counts."""
    assert scores == _choose(row).scores


@pytest.mark.parametrize(
    ("row", "options", "message"),
    [
        (
            {"id": 1, "text": "x"},
            {},
            "has no field with a usual name of scores; name it with --score NAME; it has: id, text",
        ),
        ({"id": 1, "a": 1, "b": 2}, {}, "name it with --score NAME; these have numbers: a, b"),
        (
            {"score": 1, "text": "x"},
            {},
            "has no field to pair its rows by; name one with --id NAME; it has: score, text",
        ),
        (
            {"id": 1, "score": 1},
            {"group": "scored"},
            "has no field 'scored', which group names; did you mean 'score'; it has",
        ),
    ],
)
def test_what_cannot_be_chosen_is_one_line(row: dict[str, Any], options: dict[str, Any], message: str) -> None:
    """With the fields that the file has."""
    with pytest.raises(DataError) as raised:
        _choose(row, **options)

    assert message in str(raised.value).replace("?", "")
