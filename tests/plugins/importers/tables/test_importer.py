"""Plain tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.importers.options import TableImportOptions
from llmops_plugins.importers.tables.importer import TableImporter
from llmops_sdk import DataError
from llmops_sdk.plugin import Answer, ImportedResults, ImportedRow
from llmops_sdk.testing import make_context


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def _read(path: Path, **options: Any) -> list[tuple[ImportedResults, list[ImportedRow]]]:
    importer = TableImporter(TableImportOptions(**options))
    return [(results, list(results.rows)) for results in importer.read(make_context(path.parent / "step"), path)]


def test_tables_are_recognized_by_their_content(tmp_path: Path) -> None:
    """A table has two fields or more, whatever the file's name."""
    importer = TableImporter(TableImportOptions())
    for name, text in {"a.txt": "id,score\n1,2\n", "b.bin": '{"id": 1, "score": 2}\n'}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert importer.recognizes(tmp_path / name)
    for name, data in {"c.csv": b"hello\nworld\n", "d.csv": b"", "e.csv": b"\x89PNG\r\n\x1a\n\0\0"}.items():
        (tmp_path / name).write_bytes(data)
        assert not importer.recognizes(tmp_path / name)
    assert not importer.recognizes(tmp_path)
    assert not importer.recognizes(tmp_path / "none.csv")


def test_a_row_is_a_record_with_an_answer(tmp_path: Path) -> None:
    """With what must agree, and the numbers of its answer."""
    row = {
        "id": 7,
        "question": "Why?",
        "expected": "So.",
        "output": "Well",
        "score": True,
        "latency_ms": 250,
        "output_tokens": 3,
        "doc": "d",
    }

    ((results, (imported,)),) = _read(_write(tmp_path / "mine.jsonl", [row]), group="doc")

    assert ("mine", "mine", True) == (results.candidate, results.dataset, results.has_outputs)
    assert {"file": "mine.jsonl", "format": "JSON"}.items() <= results.details.items()
    assert Answer("Well", None, 3, latency=0.25, scores={"score": 1.0}) == imported.answer
    assert {"instruction": "Why?", "response": "So.", "id": 7, "doc": "d"} == imported.record
    assert ("7", "d", {"prompt": "Why?", "target": "So."}) == (imported.key, imported.group, imported.must_agree)


def test_rows_without_an_id_are_paired_by_what_is_asked(tmp_path: Path) -> None:
    """Spaces make no difference."""
    ((_, rows),) = _read(
        _write(tmp_path / "a.jsonl", [{"prompt": "Say  hi", "score": 1}, {"prompt": "Say hi", "score": 0}])
    )

    assert 1 == len({row.key for row in rows})


def test_metrics_that_are_known_have_their_direction(tmp_path: Path) -> None:
    """Of others, more is better."""
    path = _write(tmp_path / "a.jsonl", [{"id": 1, "wer": 1, "acc": 1, "loss": 2, "warmth": 3}])

    ((results, _),) = _read(path, score=("wer", "acc", "loss", "warmth"))

    directions = {metric.name: (metric.higher_is_better, metric.bounds) for metric in results.metrics}
    assert {
        "wer": (False, None),
        "acc": (True, (0.0, 1.0)),
        "loss": (False, None),
        "warmth": (True, None),
    } == directions


def test_a_field_with_several_models_makes_candidates(tmp_path: Path) -> None:
    """A field with one model is no name: the file is. The user may name the field, and one of the dataset."""
    rows = [{"id": 1, "score": 1, "model": model, "task": task} for model in ("x", "y") for task in ("qa", "math")]
    path = _write(tmp_path / "a.jsonl", rows)

    assert ["x", "y"] == [results.candidate for results, _ in _read(path)]
    assert [("x", "qa", 1), ("x", "math", 1), ("y", "qa", 1), ("y", "math", 1)] == [
        (results.candidate, results.dataset, len(own)) for results, own in _read(path, dataset="task")
    ]
    alone = _write(tmp_path / "b.jsonl", rows[:2])
    assert ["b"] == [results.candidate for results, _ in _read(alone)]
    assert ["x"] == [results.candidate for results, _ in _read(alone, candidate="model")]


def test_rows_without_a_score_are_missing(tmp_path: Path) -> None:
    """With the error that the row has; a text that nobody scored is an answer without a score."""
    rows: list[dict[str, Any]] = [
        {"id": 1, "score": None, "error": "timeout", "output": ""},
        {"id": 2, "score": "", "error": "", "output": "x"},
        {"id": 3},
    ]

    ((_, (failed, unscored, nothing)),) = _read(_write(tmp_path / "a.jsonl", rows))

    assert (None, "timeout", True) == (failed.answer, failed.error, failed.is_missing)
    assert (Answer("x"), "") == (unscored.answer, unscored.error)
    assert (None, "the row has no score") == (nothing.answer, nothing.error)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [{"id": 1, "score": "good"}],
            "the score 'score' of record 1 of 'a.jsonl': 'good' is no number; name a field with numbers",
        ),
        ([{"id": 1, "score": 1}, {"id": None, "score": 1}], "record 2 of 'a.jsonl' has no 'id' to pair it by"),
    ],
)
def test_rows_that_cannot_be_used(tmp_path: Path, rows: list[dict[str, Any]], message: str) -> None:
    """The error names the row."""
    with pytest.raises(DataError, match=message):
        _read(_write(tmp_path / "a.jsonl", rows))


def test_a_table_with_a_row_for_each_metric(tmp_path: Path) -> None:
    """Its rows are joined, however they are sorted; a second score of one metric is a second answer."""
    rows = [
        {"id": place, "metric": metric, "score": score, "output": "x"}
        for metric, scores in {"em": (1, 0, 1), "f1": (0.5, 0.25, 0.75)}.items()
        for place, score in zip((1, 2, 1), scores, strict=True)
    ]

    ((results, imported),) = _read(_write(tmp_path / "a.jsonl", rows))

    assert ["em", "f1"] == [metric.name for metric in results.metrics]
    scores = [(row.key, dict(row.answer.scores)) for row in imported if row.answer]
    assert [("1", {"em": 1.0, "f1": 0.5}), ("2", {"em": 0.0, "f1": 0.25}), ("1", {"em": 1.0, "f1": 0.75})] == scores


def test_the_table_of_a_run_is_read_as_it_was_meant(tmp_path: Path) -> None:
    """Its failures are the candidate's own, and its `prompt` is the name of a template."""
    tidy = {"record_hash": "a1", "dataset": "qa", "candidate": "m", "prompt": "plain", "metric": "em", "counted": 0.0}
    rows = [
        {**tidy, "score": None, "state": "failed", "error": "refused"},
        {**tidy, "candidate": "n", "score": 1.0, "state": "scored"},
    ]

    (failed, scored) = _read(_write(tmp_path / "table.jsonl", rows))

    assert [("m", "qa"), ("n", "qa")] == [(each.candidate, each.dataset) for each, _ in (failed, scored)]
    assert (None, "refused", False) == (failed[1][0].answer, failed[1][0].error, failed[1][0].is_missing)
    assert ({}, "a1") == (scored[1][0].must_agree, scored[1][0].key)
