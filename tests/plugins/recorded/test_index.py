"""The index of a file: rows by their keys, and rows that contradict each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_plugins.recorded.columns import ID, INPUT
from llmops_plugins.recorded.index import AnswerIndex, Clash
from llmops_plugins.recorded.keys import id_key, input_keys
from llmops_sdk import DataError
from llmops_sdk.plugin import TextPrompt

from .rows import MakeIndex, options, write_jsonl


def test_a_row_is_found_by_each_of_its_keys(indexed: MakeIndex) -> None:
    """By its ID, and by its input."""
    index = indexed({"id": 1, "prompt": "Say", "output": "Hi"}, {"id": 2, "prompt": "Ask", "output": "What?"})
    key = id_key("2")
    assert key is not None

    row = index.find(ID, iter((key,)))

    assert row is not None
    assert ("What?", 1, "row 2", "2") == (row.answer.output, row.number, row.place, row.label)
    assert row == index.find(INPUT, input_keys({"instruction": "Ask"}, TextPrompt("x")))
    assert index.find(ID, iter((b"other",))) is None
    assert ((ID, INPUT), 2) == (index.kinds, index.rows)


def test_different_answers_for_one_key_are_noted(indexed: MakeIndex) -> None:
    """The first such rows of each kind; the same answer twice is no clash."""
    index = indexed(
        {"id": 1, "prompt": "Say", "output": "Hi"},
        {"id": 1, "prompt": "Say", "output": "Hi"},
        {"id": 2, "prompt": "Say", "output": "Ho"},
        {"id": 2, "prompt": "Say", "output": "Ha"},
    )

    assert {INPUT: Clash("2", "row 1", "row 3"), ID: Clash("2", "row 3", "row 4")} == index.clashes


def test_the_filter_chooses_rows_and_models_are_counted(indexed: MakeIndex) -> None:
    """Of a file with several models' answers."""
    rows = [{"id": 1, "output": "Hi", "model": "old"}, {"id": 1, "output": "Ho", "model": "new"}]

    assert {"old": 1, "new": 1} == indexed(*rows).models
    index = indexed(*rows, filter={"model": "new"})
    assert (1, {"new": 1}, {}) == (index.rows, index.models, index.clashes)
    with pytest.raises(DataError, match=r"'answers.jsonl' has no rows with \{'model': 'gone'\}"):
        indexed(*rows, filter={"model": "gone"})


def test_the_database_is_deleted(tmp_path: Path) -> None:
    """Also what a killed attempt left is not used again."""
    path = tmp_path / "answers.sqlite"
    path.write_text("not a database", encoding="utf-8")
    file = write_jsonl(tmp_path / "a.jsonl", [{"id": 1, "output": "Hi"}])

    index = AnswerIndex(path)
    index.add_file(file, options(file))
    assert path.exists()
    index.close()

    assert not path.exists()


def test_texts_that_sqlite_cannot_hold_are_indexed(indexed: MakeIndex) -> None:
    """Half of a surrogate pair in an ID, an input or an answer."""
    index = indexed({"id": "a\ud800", "prompt": "Say \ud800", "output": "Hi \ud800"})
    key = id_key("a\ud800")
    assert key is not None

    row = index.find(ID, iter((key,)))

    assert row is not None
    assert ("Hi \ud800", "a?") == (row.answer.output, row.label)


def test_a_score_that_is_no_number_names_the_row(indexed: MakeIndex) -> None:
    """When the file is read, before a record is answered."""
    with pytest.raises(
        DataError, match=r"row 2 of 'answers.jsonl' has no usable score of 'm' in 'score': 'good' is no number"
    ):
        indexed({"id": 0, "score": 1}, {"id": 1, "score": "good"}, scores={"m": "score"})


def test_equal_answers_with_other_scores_clash(indexed: MakeIndex) -> None:
    """Neither of them is the one of the record."""
    row = {"id": 0, "output": "x"}

    assert {} == indexed({**row, "score": 1}, {**row, "score": 1}, scores={"m": "score"}).clashes
    assert [ID] == list(indexed({**row, "score": 1}, {**row, "score": 0}, scores={"m": "score"}).clashes)
