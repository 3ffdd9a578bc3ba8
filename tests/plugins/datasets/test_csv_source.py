from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.datasets.csv_source import CsvDataset
from llmops_plugins.datasets.options import CsvOptions
from llmops_sdk import DataError

from .rows import Load

HEADER = "instruction,context,response\n"


def _write(folder: Path, text: str, encoding: str = "utf-8") -> str:
    path = folder / "a.csv"
    path.write_bytes(text.encode(encoding))
    return str(path)


def _load(load: Load, path: str, **options: Any) -> list[Any]:
    splits = load(CsvDataset(CsvOptions(path=path, test_fraction=0.5, **options)))
    return sorted([*splits.train, *splits.test], key=lambda row: (row["instruction"], row["context"]))


def test_quotes_commas_and_line_ends_inside_cells(load: Load, tmp_path: Path) -> None:
    """A table is read as spreadsheets write it, with blank lines between rows skipped."""
    path = _write(tmp_path, HEADER + '1,"a, ""b""\nc",x\r\n\r\n2,,"ü😀"\r\n')
    expected = [
        {"instruction": "1", "context": 'a, "b"\nc', "response": "x"},
        {"instruction": "2", "context": "", "response": "ü😀"},
    ]
    assert expected == _load(load, path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1252"])
def test_encodings(load: Load, tmp_path: Path, encoding: str) -> None:
    """The encoding is an option; UTF-8 may have a byte order mark."""
    path = _write(tmp_path, HEADER + "1,é,x\n2,è,y\n", encoding)
    rows = _load(load, path, encoding="utf-8" if encoding == "utf-8-sig" else encoding)
    assert ["é", "è"] == [row["context"] for row in rows]


def test_columns_filter_and_delimiter(load: Load, tmp_path: Path) -> None:
    """Names with spaces are mapped, numbers in the filter match text, and tabs can separate cells."""
    path = _write(tmp_path, "The text\tSummary\tYear\nt1\ts1\t2019\nt2\ts2\t2020\nt3\ts3\t2019\n")
    rows = _load(
        load,
        path,
        delimiter="\t",
        columns={"context": "The text", "response": "Summary"},
        instruction="Summarize.",
        filter={"Year": 2019},
    )
    assert [("t1", "s1", "2019"), ("t3", "s3", "2019")] == [
        (row["context"], row["response"], row["Year"]) for row in rows
    ]


def test_large_cells_are_read_and_the_limit_is_restored(load: Load, tmp_path: Path) -> None:
    """Cells above the csv module's own limit are no error, and the process keeps that limit."""
    before = csv.field_size_limit()
    path = _write(tmp_path, HEADER + f"1,{'x' * (before + 1)},a\n2,b,c\n")
    assert before + 1 == len(_load(load, path)[0]["context"])
    assert before == csv.field_size_limit()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'a.csv' is empty; its first line must name the columns"),
        ("a,b,a\n1,2,3\n", "the header of 'a.csv' names the column 'a' twice"),
        ("a,,b\n1,2,3\n", "the header of 'a.csv' has a column without a name"),
        (HEADER, "the dataset has no rows"),
        (HEADER + "1,2,3\n\n4,5\n", "line 4 of 'a.csv' has 2 cells, but the header has 3; is the delimiter ','?"),
        (HEADER + '1,"2\n2",3\n4\n', "line 4 of 'a.csv' has 1 cell, but the header has 3"),
        (HEADER + '1,2,3\n4,"5,6\n', "the row at line 3 of 'a.csv' is not CSV: unexpected end of data; is a quote not"),
        (HEADER + '1,"2"2,3\n', "the row at line 2 of 'a.csv' is not CSV: ',' expected after '\"'"),
        (HEADER + "1,2,3\n,5,6\n", "the field 'instruction' of line 3 of 'a.csv' is empty"),
        ("q,a\n1,2\n", "line 2 of 'a.csv' has no field 'instruction'; available: a, q; name the field of"),
        (
            "instruction;response\n1;2\n",
            "line 2 of 'a.csv' has no field 'instruction'; available: instruction;response",
        ),
    ],
)
def test_a_table_that_cannot_be_used_is_an_error_with_its_line(
    load: Load, tmp_path: Path, text: str, message: str
) -> None:
    """The message has the file, the line and what to check."""
    with pytest.raises(DataError) as caught:
        _load(load, _write(tmp_path, text))
    assert str(caught.value).startswith(message)


def test_an_unclosed_quote_is_an_error_before_memory_is_full(load: Load, tmp_path: Path) -> None:
    """A quote with more than 16 MB is an error."""
    with pytest.raises(
        DataError, match=r"the row at line 2 of 'a\.csv' is not CSV: .* limit .*; is a quote not closed"
    ):
        _load(load, _write(tmp_path, HEADER + '1,"2,3\n' + ("x" * 99 + "\n") * 180_000))


def test_another_encoding_is_an_error_near_its_line(load: Load, tmp_path: Path) -> None:
    """The message has the option to set."""
    path = _write(tmp_path, HEADER + "1,é,x\n", "windows-1252")
    with pytest.raises(
        DataError, match=r"'a\.csv' is not utf-8, at or soon after line 1: set its encoding.*windows-1252"
    ):
        _load(load, path)
