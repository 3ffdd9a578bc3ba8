"""Rows of files in every format."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from llmops_plugins.recorded.files import Row, data_file, read_rows
from llmops_sdk import DataError

from .rows import options, write_jsonl

ROWS = [{"id": "a", "output": "one"}, {"id": "b", "output": "två"}]


def test_every_format_gives_the_same_rows(tmp_path: Path) -> None:
    """JSONL, a JSON list, CSV, TSV with a byte order mark, UTF-16, gzip and Parquet; the name does not matter."""
    parquet = pytest.importorskip("pyarrow.parquet")
    arrow = pytest.importorskip("pyarrow")
    lines = "".join(f"{json.dumps(row)}\n" for row in ROWS)
    csv = "id;output\na;one\nb;två\n"
    written = {
        "lines": lines.encode(),
        "list": json.dumps(ROWS, indent=1).encode(),
        "csv": csv.encode(),
        "tsv": csv.replace(";", "\t").encode("utf-8-sig"),
        "utf16": csv.encode("utf-16"),
        "gz": gzip.compress(lines.encode()),
    }
    for name, data in written.items():
        (tmp_path / name).write_bytes(data)
    parquet.write_table(arrow.Table.from_pylist(ROWS), tmp_path / "parquet")

    for name in (*written, "parquet"):
        assert ROWS == [row.fields for row in read_rows(tmp_path / name, options(name))], name


def test_a_row_has_its_place(tmp_path: Path) -> None:
    """Of a CSV file the line that it starts on."""
    (tmp_path / "a.csv").write_text('id,output\na,"one\ntwo"\nb,three\n', encoding="utf-8")

    assert ["line 2", "line 4"] == [row.place for row in read_rows(tmp_path / "a.csv", options())]


def test_encoding_and_delimiter_can_be_set(tmp_path: Path) -> None:
    """Where nothing in the file shows them."""
    (tmp_path / "a.csv").write_bytes("id~output\na~två\n".encode("latin-1"))

    (row,) = read_rows(tmp_path / "a.csv", options(encoding="latin-1", delimiter="~"))

    assert Row("line 2", {"id": "a", "output": "två"}) == row


def test_bedrocks_rows_are_one_row_for_each_response(tmp_path: Path) -> None:
    """Each with its model; a response that is missing stays missing."""
    responses = [{"response": "one", "modelIdentifier": "old"}, {"modelIdentifier": "new"}]
    row = {"prompt": "Say", "referenceResponse": "1", "modelResponses": responses}
    write_jsonl(tmp_path / "a.jsonl", [row, {"prompt": "Ask"}])

    shared = {"prompt": "Say", "referenceResponse": "1"}
    assert [
        Row("row 1", {**shared, "response": "one", "modelIdentifier": "old"}),
        Row("row 1", {**shared, "response": None, "modelIdentifier": "new"}),
        Row("row 2", {"prompt": "Ask"}),
    ] == list(read_rows(tmp_path / "a.jsonl", options()))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A folder, no file, and a line that is not JSON."""
    with pytest.raises(DataError, match="is a folder, not a file"):
        data_file(str(tmp_path))
    with pytest.raises(DataError, match=r"gone.csv' does not exist"):
        data_file(str(tmp_path / "gone.csv"))
    (tmp_path / "a.jsonl").write_text('{"id": 1}\n{"id": \n', encoding="utf-8")
    with pytest.raises(DataError, match=r"line 2 of .*a.jsonl' is not JSON"):
        list(read_rows(tmp_path / "a.jsonl", options()))
