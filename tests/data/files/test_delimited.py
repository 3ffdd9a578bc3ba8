from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from llmops_sdk.data.files.delimited import DelimitedRows, find_separator
from llmops_sdk.errors import DataError

HEADER = "instruction,context,response\n"


def read(text: str, separator: str = ",") -> list[tuple[int, Any]]:
    """The rows of a text, each with its line."""
    return list(DelimitedRows("'a.csv'", separator).read(io.StringIO(text, newline="")))


def test_quotes_commas_and_line_ends_inside_cells() -> None:
    """A table is read as spreadsheets write it, with blank lines between rows skipped."""
    first = {"instruction": "1", "context": 'a, "b"\nc', "response": "x"}
    second = {"instruction": "2", "context": "", "response": "\u00fc"}
    assert [(2, first), (5, second)] == read(HEADER + '1,"a, ""b""\nc",x\r\n\r\n2,,"\u00fc"\r\n')


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
def test_an_index_column_is_left_out(name: str) -> None:
    """Libraries such as pandas write one without a name before the others."""
    assert [(2, {"q": "a", "r": "b"})] == read(f"{name},q,r\n0,a,b\n")


def test_the_line_of_excel_that_names_the_separator_is_no_header() -> None:
    """`sep=;` comes before the header."""
    assert [(3, {"q": "a", "r": "b"})] == read("sep=;\nq;r\na;b\n", ";")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("q,r\na,b\n", ","),
        ("q\tr\na, b\tc\n", "\t"),
        ("q;r\n1,5;2,5\n3,5;4,5\n", ";"),
        ("q|r\na|b\n", "|"),
        ("q\x01r\na\x01b\n", "\x01"),
        ("q^r\na^b\n", "^"),
        ('q;r\n"a;b\n,,;,";c\n', ";"),
        ("text\na word, two\n", ","),
        ("q\n", ","),
        ("", ","),
        ("sep=|\nq|r\n", "|"),
        ('"a, b";c\n"d, e, f";g\n', ";"),
    ],
)
def test_the_separator_is_found_by_the_first_rows(text: str, expected: str) -> None:
    """It is the one with which the rows have as many cells as the header; decimal commas do not matter."""
    assert expected == find_separator(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'a.csv' is empty; its first line must name the columns"),
        ("a,b\n", "the file 'a.csv' has no records after its header"),
        ("a,b,a\n1,2,3\n", "the header of 'a.csv' names the column 'a' twice"),
        ("a,,b\n1,2,3\n", "the header of 'a.csv' has a column without a name"),
        (HEADER + "1,2,3\n\n4,5\n", "line 4 of 'a.csv' has 2 cells, but the header has 3; is the delimiter ','?"),
        (HEADER + '1,"2\n2",3\n4\n', "line 4 of 'a.csv' has 1 cell, but the header has 3"),
        (HEADER + '1,2,3\n4,"5,6\n', "the row at line 3 of 'a.csv' is not CSV: unexpected end of data; is a quote not"),
        (HEADER + '1,"2"2,3\n', "the row at line 2 of 'a.csv' is not CSV: ',' expected after '\"'"),
    ],
)
def test_a_table_that_cannot_be_used_is_an_error_with_its_line(text: str, message: str) -> None:
    """The message has the file, the line and what to check."""
    with pytest.raises(DataError) as caught:
        read(text)
    assert str(caught.value).startswith(message)


def test_a_separator_that_was_found_is_named_as_such() -> None:
    """The user may know another one."""
    rows = DelimitedRows("'a.csv'", ";", is_found=True).read(["a;b\n", "1;2;3\n"])
    with pytest.raises(DataError, match="the first rows have ';' between cells: set delimiter if it is another"):
        list(rows)


def test_large_cells_are_read_and_the_limit_is_restored() -> None:
    """Cells above the csv module's own limit are no error, and the process keeps that limit."""
    before = csv.field_size_limit()
    assert before + 1 == len(read(HEADER + f"1,{'x' * (before + 1)},a\n")[0][1]["context"])
    assert before == csv.field_size_limit()


def test_an_unclosed_quote_is_an_error_before_memory_is_full() -> None:
    """A quote with more than 16 MB is an error."""
    with pytest.raises(
        DataError, match=r"the row at line 2 of 'a\.csv' is not CSV: .* limit .*; is a quote not closed"
    ):
        read(HEADER + '1,"2,3\n' + ("x" * 99 + "\n") * 180_000)
