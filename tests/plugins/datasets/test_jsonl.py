from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.datasets.jsonl import JsonlDataset
from llmops_plugins.datasets.options import FileOptions
from llmops_sdk import DataError
from llmops_sdk.plugin import Context, DatasetSource, DatasetSplits

Load = Callable[[DatasetSource], DatasetSplits]
ROW = {"instruction": "Summarize.", "context": "text", "response": "short"}


def _write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def _articles(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [
        {"title": f"t{n}", "article": f"text {n}", "highlights": f"short {n}", "year": 2019 + n % 2, "ok": n % 3 == 0}
        for n in range(start, start + count)
    ]


COLUMNS = {"context": "article", "response": "highlights"}


def _all(splits: DatasetSplits) -> list[Any]:
    return [*splits.train, *splits.test]


def test_columns_are_mapped_and_other_fields_kept(load: Load, tmp_path: Path) -> None:
    """Rows have the three fields first, then the others by name; one instruction serves all."""
    path = _write(tmp_path / "a.jsonl", _articles(10))
    splits = load(JsonlDataset(FileOptions(path=path, columns=COLUMNS, instruction="Summarize.")))
    assert (8, 2) == (splits.train.records, splits.test.records)
    first = next(iter(splits.train))
    number = int(first["context"].removeprefix("text "))
    expected = ["Summarize.", f"text {number}", f"short {number}", number % 3 == 0, f"t{number}", 2019 + number % 2]
    assert ["instruction", "context", "response", "ok", "title", "year"] == list(first)
    assert expected == list(first.values())


def test_a_field_can_be_the_instruction(load: Load, tmp_path: Path) -> None:
    """All three fields can be mapped; a context that is nowhere is empty."""
    rows = [{"question": f"why {n}?", "answer": "so"} for n in range(4)]
    path = _write(tmp_path / "a.jsonl", rows)
    columns = {"instruction": "question", "response": "answer"}
    splits = load(JsonlDataset(FileOptions(path=path, columns=columns, test_fraction=0.5)))
    assert {("instruction", "context", "response")} == {tuple(row) for row in _all(splits)}
    assert {""} == {row["context"] for row in _all(splits)}


def test_an_empty_or_null_context_is_empty_text(load: Load, tmp_path: Path) -> None:
    """Questions without a text are rows too."""
    rows = [{**ROW, "instruction": f"q{n}", "context": context} for n, context in enumerate([None, "", "text"])]
    splits = load(JsonlDataset(FileOptions(path=_write(tmp_path / "a.jsonl", rows), test_fraction=0.5)))
    assert ["", "", "text"] == sorted(row["context"] for row in _all(splits))


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({"year": 2019}, 6),
        ({"year": "2019"}, 6),
        ({"ok": True}, 4),
        ({"year": [2018, 2020]}, 6),
        ({"year": 2019, "ok": True}, 2),
    ],
)
def test_the_filter_keeps_records_by_value(load: Load, tmp_path: Path, wanted: dict[str, Any], count: int) -> None:
    """Values are compared as text, a list means one of them, and several fields must all match."""
    path = _write(tmp_path / "a.jsonl", _articles(12))
    splits = load(
        JsonlDataset(FileOptions(path=path, columns=COLUMNS, instruction="S.", filter=wanted, test_fraction=0.5))
    )
    assert count == len(_all(splits))


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ({"year": 1999}, "no record has year '1999'; year is one of: 2019 (6), 2020 (6)"),
        ({"topic": "art"}, "no record has topic 'art'; no record has a field 'topic'"),
        (
            {"year": 2019, "title": "t1"},
            "no record has year '2019' and title 't1'; year is one of: 2019 (6), 2020 (6); title is one of: t0 (1)",
        ),
    ],
)
def test_a_filter_that_keeps_nothing_tells_what_there_is(
    load: Load, tmp_path: Path, wanted: dict[str, Any], text: str
) -> None:
    """The message has the values of the field with their numbers."""
    path = _write(tmp_path / "a.jsonl", _articles(12))
    with pytest.raises(DataError) as caught:
        load(JsonlDataset(FileOptions(path=path, columns=COLUMNS, instruction="S.", filter=wanted)))
    assert str(caught.value).startswith(text)


def test_values_of_a_filter_are_told_in_part_where_there_are_many(load: Load, tmp_path: Path) -> None:
    """The message stays one readable line."""
    path = _write(tmp_path / "a.jsonl", _articles(500))
    with pytest.raises(DataError) as caught:
        load(JsonlDataset(FileOptions(path=path, columns=COLUMNS, instruction="S.", filter={"title": "x"})))
    assert str(caught.value).endswith(", ...")
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("row", "columns", "text"),
    [
        (
            {"question": "q", "response": "r"},
            {},
            "record 3 of 'a.jsonl' has no field 'instruction'; it has: question, response; say which field holds the",
        ),
        (
            {"instruction": "i"},
            {},
            (
                "record 3 of 'a.jsonl' has no field 'response'; it has: instruction; say which field holds the response"
                " with columns: {response: NAME}"
            ),
        ),
        (ROW, {"context": "text"}, "record 3 of 'a.jsonl' has no field 'text'; it has: context, instruction, response"),
        ({**ROW, "response": "  "}, {}, "the field 'response' of record 3 of 'a.jsonl' is empty; every record needs"),
        ({**ROW, "response": None}, {}, "the field 'response' of record 3 of 'a.jsonl' is empty"),
        ({**ROW, "instruction": 5}, {}, "the field 'instruction' of record 3 of 'a.jsonl' is of type int, not text"),
        ({**ROW, "context": ["a"]}, {}, "the field 'context' of record 3 of 'a.jsonl' is of type list, not text"),
    ],
)
def test_a_record_that_does_not_fit_is_told(
    load: Load, tmp_path: Path, row: dict[str, Any], columns: dict[str, str], text: str
) -> None:
    """The message names the file, the record, the field and how to mend it."""
    good = {**ROW, **dict.fromkeys(columns.values(), "x")}
    path = _write(tmp_path / "a.jsonl", [good, {**good, "instruction": "2"}, row])
    with pytest.raises(DataError) as caught:
        load(JsonlDataset(FileOptions(path=path, columns=columns)))
    assert str(caught.value).startswith(text)


def test_a_broken_line_is_told(load: Load, tmp_path: Path) -> None:
    """What is no JSON is told with file and line."""
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(ROW) + "\n{broken\n")
    with pytest.raises(DataError, match=r"line 2 of '.*a\.jsonl' is not JSON at column 2"):
        load(JsonlDataset(FileOptions(path=str(path))))


def test_a_test_file_is_the_test_split(load: Load, tmp_path: Path) -> None:
    """With `test_path`, nothing is split, and both files are recorded."""
    train = _write(tmp_path / "train.jsonl", _articles(6))
    test = _write(tmp_path / "test.jsonl", _articles(3, start=6))
    splits = load(JsonlDataset(FileOptions(path=train, test_path=test, columns=COLUMNS, instruction="S.")))
    assert [f"text {n}" for n in range(6)] == [row["context"] for row in splits.train]
    assert [f"text {n}" for n in range(6, 9)] == [row["context"] for row in splits.test]
    assert (train, test) == (splits.source["path"], splits.source["test_path"])


def test_what_is_dropped_is_said(load: Load, told: Any, tmp_path: Path) -> None:
    """Repeated rows and rows that are tested are dropped with a word about it."""
    train = _write(tmp_path / "train.jsonl", [*_articles(6), *_articles(2)])
    test = _write(tmp_path / "test.jsonl", _articles(3, start=5))
    load(JsonlDataset(FileOptions(path=train, test_path=test, columns=COLUMNS, instruction="S.")))
    assert told.lines == [
        "2 rows were dropped that repeat an earlier row exactly",
        "1 row was dropped from training whose instruction and context are tested",
    ]


def test_the_fingerprint_is_of_the_contents(context: Context, tmp_path: Path) -> None:
    """Another name is the same input; other rows, and the same rows with a test file, are not."""
    first = _write(tmp_path / "a.jsonl", _articles(3))
    second = _write(tmp_path / "b.jsonl", _articles(3))
    other = _write(tmp_path / "c.jsonl", _articles(4))

    def fingerprint(**paths: Any) -> str:
        return JsonlDataset(FileOptions(**paths)).fingerprint(context)

    assert fingerprint(path=first) == fingerprint(path=second)
    assert 3 == len({fingerprint(path=first), fingerprint(path=other), fingerprint(path=first, test_path=other)})


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"columns": {"summary": "x"}}, "it cannot map 'summary'"),
        ({"filter": {"a": {"b": 1}}}, "filter compares 'a' with a text, a number"),
        ({"filter": {"a": []}}, "filter compares 'a'"),
        ({"test_fraction": 0.0}, "test_fraction"),
        ({"test_fraction": 1.0}, "test_fraction"),
        ({"max_test_records": 0}, "max_test_records"),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any], text: str) -> None:
    """The options class itself refuses them, when the pipeline is built."""
    with pytest.raises(ValueError, match=text):
        FileOptions(path="a.jsonl", **options)
