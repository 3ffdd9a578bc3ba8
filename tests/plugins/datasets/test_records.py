from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.datasets.jsonl import JsonlDataset
from llmops_plugins.datasets.options import FileOptions
from llmops_sdk import DataError
from llmops_sdk.plugin import DatasetSplits

from .conftest import LoggedLines
from .rows import COLUMNS, ROW, Load, article_rows, write_rows


def all_records(splits: DatasetSplits) -> list[Any]:
    """The records of both splits."""
    return [*splits.train, *splits.test]


def test_columns_are_mapped_and_other_fields_kept(load: Load, tmp_path: Path) -> None:
    """Records have the three fields first, then the others by name; one instruction serves all."""
    path = write_rows(tmp_path / "a.jsonl", article_rows(10))
    splits = load(JsonlDataset(FileOptions(path=path, columns=COLUMNS, instruction="Summarize.")))
    assert (8, 2) == (splits.train.records, splits.test.records)
    first = next(iter(splits.train))
    number = int(first["context"].removeprefix("text "))
    expected = ["Summarize.", f"text {number}", f"short {number}", number % 3 == 0, f"t{number}", 2019 + number % 2]
    assert ["instruction", "context", "response", "ok", "title", "year"] == list(first)
    assert expected == list(first.values())


def test_a_column_can_be_the_instruction(load: Load, tmp_path: Path) -> None:
    """All three fields can be mapped; without a column for it, the context is empty."""
    rows = [{"question": f"why {n}?", "answer": "so"} for n in range(4)]
    path = write_rows(tmp_path / "a.jsonl", rows)
    columns = {"instruction": "question", "response": "answer"}
    splits = load(JsonlDataset(FileOptions(path=path, columns=columns, test_fraction=0.5)))
    assert {("instruction", "context", "response")} == {tuple(row) for row in all_records(splits)}
    assert {""} == {row["context"] for row in all_records(splits)}


def test_an_empty_or_null_context_is_empty_text(load: Load, tmp_path: Path) -> None:
    """Questions without a text are records too."""
    rows = [{**ROW, "instruction": f"q{n}", "context": context} for n, context in enumerate([None, "", "text"])]
    splits = load(JsonlDataset(FileOptions(path=write_rows(tmp_path / "a.jsonl", rows), test_fraction=0.5)))
    assert ["", "", "text"] == sorted(row["context"] for row in all_records(splits))


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"year": 2019}, 6),
        ({"year": "2019"}, 6),
        ({"ok": True}, 4),
        ({"year": [2018, 2020]}, 6),
        ({"year": 2019, "ok": True}, 2),
    ],
)
def test_the_filter_keeps_rows_by_value(load: Load, tmp_path: Path, filters: dict[str, Any], count: int) -> None:
    """Values are compared as text, a list means one of them, and several columns must all match."""
    path = write_rows(tmp_path / "a.jsonl", article_rows(12))
    splits = load(
        JsonlDataset(FileOptions(path=path, columns=COLUMNS, instruction="S.", filter=filters, test_fraction=0.5))
    )
    assert count == len(all_records(splits))


@pytest.mark.parametrize(
    ("filters", "text"),
    [
        ({"year": 1999}, "no record has year '1999'; year is one of: 2019 (6), 2020 (6)"),
        ({"topic": "art"}, "no record has topic 'art'; no record has a field 'topic'"),
        (
            {"year": 2019, "title": "t1"},
            "no record has year '2019' and title 't1'; year is one of: 2019 (6), 2020 (6); title is one of: t0 (1)",
        ),
    ],
)
def test_a_filter_that_keeps_nothing_names_the_values(
    load: Load, tmp_path: Path, filters: dict[str, Any], text: str
) -> None:
    """The message has the values of the column with their counts."""
    path = write_rows(tmp_path / "a.jsonl", article_rows(12))
    with pytest.raises(DataError) as caught:
        load(JsonlDataset(FileOptions(path=path, columns=COLUMNS, instruction="S.", filter=filters)))
    assert str(caught.value).startswith(text)


def test_a_message_about_many_values_stays_short(load: Load, tmp_path: Path) -> None:
    """Only the most frequent values are shown."""
    path = write_rows(tmp_path / "a.jsonl", article_rows(500))
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
            "record 3 of 'a.jsonl' has no field 'instruction'; available: question, response; name the field of the",
        ),
        (
            {"instruction": "i"},
            {},
            (
                "record 3 of 'a.jsonl' has no field 'response'; available: instruction; name the field of the response"
                " with columns: {response: NAME}"
            ),
        ),
        (
            ROW,
            {"context": "text"},
            "record 3 of 'a.jsonl' has no field 'text'; available: context, instruction, response",
        ),
        ({**ROW, "response": "  "}, {}, "the field 'response' of record 3 of 'a.jsonl' is empty; every record needs"),
        ({**ROW, "response": None}, {}, "the field 'response' of record 3 of 'a.jsonl' is empty"),
        ({**ROW, "instruction": 5}, {}, "the field 'instruction' of record 3 of 'a.jsonl' is of type int, not text"),
        ({**ROW, "context": ["a"]}, {}, "the field 'context' of record 3 of 'a.jsonl' is of type list, not text"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(
    load: Load, tmp_path: Path, row: dict[str, Any], columns: dict[str, str], text: str
) -> None:
    """The message has the file, the row, the field and how to fix it."""
    good = {**ROW, **dict.fromkeys(columns.values(), "x")}
    path = write_rows(tmp_path / "a.jsonl", [good, {**good, "instruction": "2"}, row])
    with pytest.raises(DataError) as caught:
        load(JsonlDataset(FileOptions(path=path, columns=columns)))
    assert str(caught.value).startswith(text)


def test_dropped_records_are_logged(load: Load, logged: LoggedLines, tmp_path: Path) -> None:
    """Repeated records, and training records that are in the test split too."""
    train = write_rows(tmp_path / "train.jsonl", [*article_rows(6), *article_rows(2)])
    test = write_rows(tmp_path / "test.jsonl", article_rows(3, start=5))
    load(JsonlDataset(FileOptions(path=train, test_path=test, columns=COLUMNS, instruction="S.")))
    assert logged.lines == [
        "dropped 2 records equal to an earlier one",
        "dropped 1 training record with the instruction and context of a test record",
    ]
