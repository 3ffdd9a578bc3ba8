from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.datasets.files import JsonlDataset
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
        ({"text": "q", "gold": "r"}, {}, "record 3 of 'a.jsonl' has no field 'instruction'; available: gold, text; name the"),
        ({**ROW, "instruction": 5}, {"instruction": "instruction"}, "the field 'instruction' of record 3 of 'a.jsonl' is of type"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_used_is_named(
    load: Load, tmp_path: Path, row: dict[str, Any], columns: dict[str, str], text: str
) -> None:
    """The message has the file, the row, the field and how to fix it."""
    path = write_rows(tmp_path / "a.jsonl", [ROW, {**ROW, "instruction": "2"}, row])
    with pytest.raises(DataError) as caught:
        load(JsonlDataset(FileOptions(path=path, columns=columns)))
    assert str(caught.value).startswith(text)


def test_a_named_response_that_no_record_has_is_an_error(load: Load, tmp_path: Path) -> None:
    """It is a mistake in the specification; some records may lack it."""
    rows = [{"instruction": str(n), "gold": "r"} if n % 2 else {"instruction": str(n)} for n in range(4)]
    path = write_rows(tmp_path / "a.jsonl", rows)
    with pytest.raises(
        DataError, match=r"no record has the field 'gould', the last being record 4 of 'a\.jsonl'; available"
    ):
        load(JsonlDataset(FileOptions(path=path, columns={"response": "gould"}, test_fraction=0.5)))
    splits = load(JsonlDataset(FileOptions(path=path, columns={"response": "gold"}, test_fraction=0.5)))
    assert all("gold" not in record for record in all_records(splits))


def test_a_filter_may_be_inside_a_column(load: Load, tmp_path: Path) -> None:
    """By its path."""
    rows = [{**ROW, "instruction": str(n), "meta": {"kind": "qa" if n % 2 else "sum"}} for n in range(6)]
    path = write_rows(tmp_path / "a.jsonl", rows)
    splits = load(JsonlDataset(FileOptions(path=path, filter={"meta.kind": "qa"}, test_fraction=0.5)))
    assert {"1", "3", "5"} == {record["instruction"] for record in all_records(splits)}


def test_odd_values_in_unused_fields_do_not_stop_the_dataset(load: Load, logged: LoggedLines, tmp_path: Path) -> None:
    """NaN is null, also inside a list or a structure; what JSON cannot hold is left out, and reported once by name."""
    lines = [
        '{"instruction": "a", "response": "r", "score": 1.5, "size": 2, "tags": [1, {"x": 2}]}',
        '{"instruction": "b", "response": "r", "score": NaN, "size": Infinity, "tags": [NaN, {"x": NaN}]}',
        '{"instruction": "c", "response": "r", "score": null, "size": -1e999, "tags": [Infinity]}',
        '{"instruction": "d", "response": "r", "size": ' + "9" * 5000 + ', "note": "\\ud800", "\\ud800": 1}',
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    splits = load(JsonlDataset(FileOptions(path=str(tmp_path / "a.jsonl"), test_fraction=0.5)))
    extras = {
        row["instruction"]: {key: row[key] for key in sorted(row) if key not in ROW} for row in all_records(splits)
    }
    assert {
        "a": {"score": 1.5, "size": 2, "tags": [1, {"x": 2}]},
        "b": {"score": None, "tags": [None, {"x": None}]},
        "c": {"score": None},
        "d": {},
    } == extras
    (line,) = logged.lines
    assert line.startswith(
        "left out of records, because JSON cannot hold the value: 'note' (half of a surrogate pair in "
    )
    assert (
        "'size' (an infinite number in record 2 of 'a.jsonl'), 'tags' (of type list in record 3 of 'a.jsonl')" in line
    )
    assert line.isprintable()


def test_nan_in_an_unused_column_is_null(load: Load, real_data: Callable[[str], Path]) -> None:
    """A file that Python's own json module wrote is read."""
    splits = load(
        JsonlDataset(FileOptions(path=str(real_data("cases/nan-unused-column/rows.jsonl")), test_fraction=0.5))
    )
    assert {"France": 1.0, "Italy": None, "Peru": 0.5} == {row["context"]: row["score"] for row in all_records(splits)}
