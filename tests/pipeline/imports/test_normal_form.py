"""The files of a comparison."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk.pipeline.imports.entries import arrange
from llmops_sdk.pipeline.imports.normal_form import join_answers, score_fields, write_normal_form
from llmops_sdk.pipeline.imports.pairing import RowTable
from llmops_sdk.plugin import Answer, ImportedRow, Metric

from .sources import entry

METRICS = (Metric("m", bounds=(0.0, 1.0)), Metric("n"))
FAILED: Mapping[str, Any] = {"error": "refused"}
MISSING: Mapping[str, Any] = {"error": "lost", "is_missing": True}


def _answer(**scores: float) -> Mapping[str, Any]:
    return {"output": "x", "latency": 2 * scores.get("m", 0.0), "scores": scores}


def test_a_single_answer_is_as_it_is() -> None:
    """Also one that is missing."""
    for answer in (_answer(m=0.1), FAILED, MISSING):
        assert answer is join_answers([answer], METRICS)


def test_several_answers_are_joined_to_their_mean() -> None:
    """Failures count as the worst score, where there is one; a metric that one lacks is left out."""
    joined = join_answers([_answer(m=1.0, n=3.0), _answer(m=0.5)], METRICS)
    assert {"output": "x", "latency": 1.5, "scores": {"m": 0.75}} == joined
    assert {"m": 0.5} == join_answers([_answer(m=1.0, n=3.0), FAILED], METRICS)["scores"]
    assert FAILED == join_answers([_answer(m=1.0, n=3.0), FAILED], METRICS[1:])
    assert FAILED == join_answers([FAILED, FAILED], METRICS)
    assert MISSING == join_answers([_answer(m=1.0), MISSING], METRICS)


def test_the_mean_does_not_depend_on_the_order() -> None:
    """As that of a run that asks each record several times."""
    numbers = [0.1, 0.7, 0.3]
    means = {
        join_answers([_answer(m=number) for number in order], METRICS)["scores"]["m"]
        for order in (numbers, numbers[::-1])
    }
    assert 1 == len(means)


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_records_have_what_all_sources_know_of_them(tmp_path: Path) -> None:
    """The first source counts where they differ; without a text, the key stands for it."""
    one, two = entry("a"), entry("b", source=1, number=1)
    table = RowTable(tmp_path / "rows.sqlite")
    table.add(
        one,
        [
            ImportedRow("k1", {"id": 1}, Answer(scores={"m": 1.0}), group="g"),
            ImportedRow("k2", {"id": 2, "instruction": "What?"}, Answer(scores={"m": 0.0}), group="h"),
        ],
    )
    table.add(
        two,
        [
            ImportedRow("k1", {"response": "Yes", "group": "own"}, Answer("said", latency=0.5, scores={"m": 1.0})),
            ImportedRow("k2", {"instruction": "Why?"}, None, "refused"),
        ],
    )

    files = write_normal_form(tmp_path, arrange([one, two]), table, METRICS, ())
    table.close()

    (board,) = files.boards
    assert (2, 2) == (board.records, board.grouped)
    first = {"instruction": "k1", "context": "", "response": "Yes", "id": 1, "group": "g", "own_group": "own"}
    second = {"instruction": "What?", "context": "", "id": 2, "group": "h"}
    assert [{**first, "pairing_key": "k1"}, {**second, "pairing_key": "k2"}] == _lines(board.path)
    said = {"pairing_key": "k1", "error": None, "is_missing": None, "latency": 0.5, "output": "said"}
    assert {**said, "score of m": 1.0, "score of n": None} == _lines(files.answers["b"])[0]
    assert "refused" == _lines(files.answers["b"])[1]["error"]
    assert "output" not in _lines(files.answers["a"])[0]
    assert {"m": "score of m", "n": "score of n"} == score_fields(METRICS)


@pytest.mark.parametrize("datasets", [("d",), ("d", "e")])
def test_keys_of_several_datasets_are_apart(tmp_path: Path, datasets: tuple[str, ...]) -> None:
    """Both may have a record 1."""
    table = RowTable(tmp_path / "rows.sqlite")
    entries = [
        entry(name, dataset, source=source, number=len(datasets) * source + place)
        for source, name in enumerate("ab")
        for place, dataset in enumerate(datasets)
    ]
    for each in entries:
        table.add(each, [ImportedRow("1", {}, Answer(scores={"m": 1.0}))])

    files = write_normal_form(tmp_path, arrange(entries), table, METRICS, ())
    table.close()

    keys = [line["pairing_key"] for line in _lines(files.answers["a"])]
    assert (["1"] if len(datasets) == 1 else ["d/1", "e/1"]) == keys
