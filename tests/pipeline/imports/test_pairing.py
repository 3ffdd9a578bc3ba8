"""Rows are paired by their keys; what must be equal under one key is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import DataError
from llmops_sdk.pipeline.imports.pairing import Agreement, PairedRow, RowTable, concerns, declared_as
from llmops_sdk.plugin import Answer, ImportedRow

from .sources import entry


def _rows(*keys: str, **values: Any) -> Iterable[ImportedRow]:
    return [ImportedRow(key, {"instruction": key}, Answer(f"to {key}", scores={"m": 0.5}), **values) for key in keys]


def test_records_that_all_have_are_paired_in_the_order_of_the_first(tmp_path: Path) -> None:
    """The others are listed; rows of one key stay together."""
    table = RowTable(tmp_path / "rows.sqlite")
    one, two = entry("a"), entry("b", source=1, number=1)
    table.add(one, _rows("c", "a", "only", "b"))
    table.add(two, _rows("b", "c", "a", "a", "x", "y"))

    assert 3 == table.pair([one, two])
    paired = {key: [row.entry for row in rows] for key, rows in table.records([one, two])}
    assert {"c": [0, 1], "a": [0, 1, 1], "b": [0, 1]} == paired
    assert ["c", "a", "b"] == list(paired)
    assert (["only"], ["x", "y"]) == (list(table.unpaired(one)), list(table.unpaired(two)))
    assert (4, 6) == (one.rows, two.rows)
    assert 0.5 == two.spreads["m"].low
    table.close()


def test_answers_keep_what_is_known_of_them(tmp_path: Path) -> None:
    """Texts that no file can hold are repaired; an answer that could not be scored is as none."""
    table = RowTable(tmp_path / "rows.sqlite")
    own = entry("a")
    half = "\ud800"
    rows = [
        ImportedRow("1", {"instruction": half}, Answer("x", 3, latency=0.5, finish_reason="length", scores={"m": 1.0})),
        ImportedRow("2", {}, None, "refused"),
        ImportedRow("3", {}, Answer("text"), "the grader failed", is_missing=True),
        ImportedRow(" 4 ", {"bad": float("inf")}, Answer("text")),
    ]

    table.add(own, rows)
    table.pair([own])
    read = {key: paired for key, (paired,) in table.records([own])}

    first = {"output": "x", "finish_reason": "length", "latency": 0.5, "input_tokens": 3, "scores": {"m": 1.0}}
    assert first == read["1"].answer
    assert {"instruction": "\ufffd"} == read["1"].record
    assert {"error": "refused"} == read["2"].answer
    assert {"error": "the grader failed", "is_missing": True} == read["3"].answer
    assert ({"output": "text", "scores": {}}, {}) == (read["4"].answer, read["4"].record)
    table.close()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ImportedRow(" ", {}, None), "row 1 of file0.csv has nothing to pair it by"),
        (
            ImportedRow("k", {}, Answer(scores={"m": float("nan")})),
            "the score 'm' of 'k' in file0.csv is nan, not a finite number",
        ),
        (ImportedRow("k", {}, Answer(scores={"m": "good"})), "the score 'm' of 'k' in file0.csv is 'good', not a"),  # type: ignore[dict-item]
    ],
)
def test_rows_that_cannot_be_used(tmp_path: Path, row: ImportedRow, message: str) -> None:
    """The error names the source and the record."""
    table = RowTable(tmp_path / "rows.sqlite")

    with pytest.raises(DataError, match=message):
        table.add(entry("a"), [row])
    table.close()


def _paired(number: int, **agreed: str) -> PairedRow:
    return PairedRow(entry=number, record={}, answer={}, must_agree=agreed, group="")


def test_what_differs_under_one_key_is_refused_unless_declared() -> None:
    """The error has the count and an example; what one side does not know cannot differ."""
    entries = [entry("a"), entry("b", source=1, number=1)]
    agreement = Agreement(entries, ())
    agreement.check("k", [_paired(0, prompt="Why?", target="x"), _paired(1, prompt="Why not?")])
    agreement.check("l", [_paired(0, prompt="How?"), _paired(1, prompt="How?")])

    with pytest.raises(
        DataError, match=r"the prompt of 1 of 2 records differs under one key: 'k' has 'Why\?' in file0.csv"
    ):
        agreement.require(2)

    declared = Agreement(entries, ("prompt",))
    declared.check("k", [_paired(0, prompt="Why?"), _paired(1, prompt="Why not?")])
    declared.require(2)
    assert {"prompt": 1} == declared.declared


def test_a_grader_concerns_its_metric() -> None:
    """Any other name concerns all."""
    assert concerns("grader of f1", {"f1"})
    assert not concerns("grader of f1", {"em"})
    assert concerns("number of examples", {"em"})
    assert ("grader", "prompt") == (declared_as("grader of f1"), declared_as("prompt"))
