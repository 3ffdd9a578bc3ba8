from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from llmops_sdk.data.files.table import open_table
from llmops_sdk.errors import DataError


def table_of(folder: Path, content: bytes, name: str = "rows", **options: str) -> tuple[str, list[tuple[str, object]]]:
    """How a file is described, and its rows."""
    (folder / name).write_bytes(content)
    table = open_table(folder / name, **options)
    return table.description, [(row.name, row.values) for row in table.rows()]


@pytest.mark.parametrize(
    ("content", "description", "place"),
    [
        (b'{"q": "a"}\n{"q": "b"}\n', "JSON lines", "record 1"),
        (b'\xef\xbb\xbf\n{"q": "a"}\n{"q": "b"}\n', "JSON lines", "record 1"),
        (gzip.compress(b'{"q": "a"}\n{"q": "b"}\n', mtime=0), "JSON lines, compressed with gzip", "record 1"),
        ('{"q": "a"}\n{"q": "b"}\n'.encode("utf-16"), "JSON lines, UTF-16", "record 1"),
        (b'[{"q": "a"},\n {"q": "b"}]', "JSON", "record 1"),
        (b'{\n"q": "a"\n}\n{"q": "b"}', "JSON", "record 1"),
        (b'{"q": ["a", "b"], "r": [1, 2]}', "JSON", "record 1"),
        (b"q,r\na,1\nb,2\n", "CSV", "line 2"),
        (b"q\tr\na\t1\nb\t2\n", "CSV, with tabs between cells", "line 2"),
        (gzip.compress("q;r\na;1\nb;2\n".encode("utf-16"), mtime=0), "CSV, with semicolons between cells, UTF-16, compressed with gzip", "line 2"),
        (b"{q},r\na,1\nb,2\n", "CSV", "line 2"),
        (b"[q],r\na,1\nb,2\n", "CSV", "line 2"),
    ],
)  # fmt: skip
def test_a_format_is_found_by_the_content(tmp_path: Path, content: bytes, description: str, place: str) -> None:
    """Whatever the file is called."""
    found, rows = table_of(tmp_path, content)
    assert description == found
    assert 2 == len(rows)
    name, values = rows[0]
    assert f"{place} of 'rows'" == name
    assert isinstance(values, dict)
    assert "a" == next(iter(values.values()))


@pytest.mark.parametrize("name", ["rows.jsonl.gz", "named.jsonl.gz", "rows.json", "rows.parquet"])
def test_the_same_rows_in_four_files(real_data: Callable[[str], Path], name: str) -> None:
    """Compressed with and without a name in the header, as one list, and in columns."""
    pytest.importorskip("pyarrow", reason="Parquet is read with pyarrow")
    table = open_table(real_data(f"cases/gz-told-as-utf16/{name}"))
    assert table.is_as_named
    assert ["Paris", "Rome", "Madrid", "Lima"] == [row.values["response"] for row in table.rows()]


@pytest.mark.parametrize(
    ("content", "text", "message"),
    [
        (b"<html><body>", "", "is an HTML page, not data: download the file itself"),
        (b"%PDF-1.7", "", "is a PDF document, not a table"),
        (b"PK\x03\x04abc", "", "is a ZIP archive or an Office document: unzip it, or save the table as CSV"),
        (gzip.compress(b"SQLite format 3\0", mtime=0), "", "is a SQLite database: export the table as CSV"),
        (b"a,b\n1,2\n", "json", "looks like CSV, not JSON: load it with the dataset 'file'"),
        (b'{"a": 1}\n', "csv", "is JSON, not CSV: load it with the dataset 'file'"),
        ("<html>".encode("utf-16"), "", "is an HTML page, not data"),
    ],
)
def test_what_is_not_read_is_named(tmp_path: Path, content: bytes, text: str, message: str) -> None:
    """With what to do about it."""
    with pytest.raises(DataError) as caught:
        table_of(tmp_path, content, text=text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1}\n{"a": }\n', "line 2 of '.*rows' is not JSON at column 7: expecting value"),
        (b'{"a": 1\n{"a": 2}\n', "line 1 of '.*rows' is not JSON at column 1"),
        (b"[1]\n[2]\n", "line 1 of '.*rows' is a list, not an object; each line must be one JSON object"),
        ('{"a": "caf\u00e9"}\n{"a": 2}\n'.encode("latin-1"), r"line 1 of '.*rows' is not UTF-8 at byte 10 of the file"),
        (b"[1, 2]", "record 1 of 'rows' is a number, not an object"),
        ('[{"a": "caf\u00e9"}]'.encode("latin-1"), "'rows' is not UTF-8; re-encode it, for example: iconv"),
        (b"", "'rows' is empty"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    """With its line or number."""
    with pytest.raises(DataError, match=message):
        table_of(tmp_path, content)


def test_a_stated_encoding_and_separator_are_used(tmp_path: Path) -> None:
    """Under any name of the encoding."""
    content = "q#r\ncaf\u00e9#1\n".encode("cp1252")
    _, rows = table_of(tmp_path, content, encoding="Windows-1252", separator="#")
    assert [("line 2 of 'rows'", {"q": "caf\u00e9", "r": "1"})] == rows


@pytest.mark.parametrize(
    ("name", "content", "as_named"),
    [
        ("rows.jsonl", b'{"a": 1}\n{"a": 2}', True),
        ("rows.v2.jsonl", b'{"a": 1}\n{"a": 2}', True),
        ("rows", b'{"a": 1}\n{"a": 2}', True),
        ("rows.csv", b'{"a": 1}\n{"a": 2}', False),
        ("rows.jsonl", gzip.compress(b'{"a": 1}', mtime=0), False),
        ("rows.jsonl.gz", gzip.compress(b'{"a": 1}', mtime=0), True),
        ("rows.csv.gz", b"a,b\n", False),
    ],
)
def test_a_misleading_name_is_noticed(tmp_path: Path, name: str, content: bytes, as_named: bool) -> None:  # noqa: FBT001 - a parameter
    """By the suffixes of formats and compressions."""
    (tmp_path / name).write_bytes(content)
    assert as_named == open_table(tmp_path / name).is_as_named


MEASURE = """
import resource, sys
from pathlib import Path
from llmops_sdk.data.files.table import open_table

peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
count = lambda path: sum(1 for _ in open_table(Path(path)).rows())
count(sys.argv[1])
before = peak()
print(count(sys.argv[2]), peak() - before)
"""


@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "parquet"])
def test_rows_stream_through_flat_memory(tmp_path: Path, kind: str) -> None:
    """A file of 40 MB costs no more than 8 MB more than a small one."""
    paths = []
    for count in (100, 100_000):
        path = tmp_path / f"{count}.{kind}"
        line = f'{{"q": "a question", "r": "{"word " * 80}"}}'
        if kind == "parquet":
            arrow = pytest.importorskip("pyarrow", reason="Parquet is read with pyarrow")
            parquet = pytest.importorskip("pyarrow.parquet")
            columns = {"q": ["a question"] * count, "r": [f"{n} {'word ' * 80}" for n in range(count)]}
            parquet.write_table(arrow.table(columns), path, row_group_size=5_000, use_dictionary=False)
        elif kind == "csv":
            path.write_text("q,r\n" + f"a question,{'word ' * 80}\n" * count)
        elif kind == "json":
            path.write_text("[" + ", ".join([line] * count) + "]")
        else:
            path.write_text(f"{line}\n" * count)
        paths.append(str(path))
    done = subprocess.run([sys.executable, "-c", MEASURE, *paths], capture_output=True, text=True, check=True)
    rows, grown = map(int, done.stdout.split())
    assert 100_000 == rows
    assert grown < 8 * 2**20
