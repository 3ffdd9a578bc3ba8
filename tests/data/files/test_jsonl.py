"""JSONL files: what is read, and what is refused with file, line and position."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import pytest

from llmops_sdk.data.files.jsonl import json_kind, parse_lines, read_jsonl
from llmops_sdk.errors import DataError


def _file(folder: Path, content: bytes) -> Path:
    path = folder / "rows.jsonl"
    path.write_bytes(content)
    return path


def test_records_are_read_in_order_with_blank_lines_skipped(tmp_path: Path) -> None:
    """Blank lines, Windows line ends, a byte order mark and a last line without an end are all accepted."""
    path = _file(tmp_path, b'\xef\xbb\xbf{"a": 1}\r\n\r\n  \n{"a": "\xc3\xa4\xe2\x80\xa8\\ud83d\\ude00"}')
    assert [{"a": 1}, {"a": "ä\u2028😀"}] == list(read_jsonl(path))


def test_records_are_read_as_a_stream(tmp_path: Path) -> None:
    """The first record is yielded before a later line is found to be broken."""
    records = read_jsonl(_file(tmp_path, b'{"a": 1}\nbroken\n'))
    assert next(records) == {"a": 1}
    with pytest.raises(DataError, match="line 2"):
        next(records)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b'{"a": 1}\n\n{"a": }\n', "line 3 of {path} is not JSON at column 7: expecting value; each line must be one"),
        (b'{\n  "a": 1\n}\n', "line 1 of {path} is not JSON at column 1: expecting property name"),
        (b'{\n  "a": \n', "line 1 of {path} is not JSON at column 1: expecting property name"),
        (b'[{"a": 1},\n{"a": 2}]\n', "line 1 of {path} is not JSON at column "),
        (b'[{"a": 1}, {"a": 2}]', "line 1 of {path} is a list, not an object; each line must be one JSON object"),
        (b"[1]\n[2]\n", "line 1 of {path} is a list, not an object"),
        (b"a,b\n1,2\n", "line 1 of {path} is not JSON at column 1: expecting value"),
        (b"Hello, world\n", "line 1 of {path} is not JSON at column 1: expecting value"),
        (b"<!doctype html>\n<p>", "the file {path} is an HTML page, not data: download the file itself"),
        (b'{"a": 1}\0\n', "the file {path} is a binary file, not text"),
        (b'{"a": 1}\n["a"]\n', "line 2 of {path} is a list, not an object; each line must be one JSON object"),
        (b"null\n", "line 1 of {path} is null, not an object"),
        (b'{"a": NaN}\n', "line 1 of {path} contains a value that cannot be stored as JSON: NaN is not a JSON number"),
        (
            b'{"a": -Infinity}\n',
            "line 1 of {path} contains a value that cannot be stored as JSON: -Infinity is not a JSON number",
        ),
        (b'{"a": "\\ud800"}\n', "line 1 of {path} contains half of a surrogate pair"),
        (b'{"a": ' + b"[" * 100_000 + b"\n", "line 1 of {path} contains a value that cannot be stored as JSON"),
        (b'{"a": 1}\n{"a": "caf\xe9"}\n', "line 2 of {path} is not UTF-8 at byte 19 of the file (0xe9); re-encode it"),
        (b'\xef\xbb\xbf{"a": "\xe9"}\n', "line 1 of {path} is not UTF-8 at byte 10 of the file (0xe9)"),
        ('{"a": 1}\n'.encode("utf-16"), "the file {path} is UTF-16, not UTF-8: iconv -f UTF-16 -t UTF-8"),
        ('{"a": 1}\n'.encode("utf-16-le"), "the file {path} is UTF-16LE, not UTF-8"),
        ('{"a": 1}\n'.encode("utf-16-be"), "the file {path} is UTF-16BE, not UTF-8"),
        ('{"a": 1}\n'.encode("utf-32"), "the file {path} is UTF-32, not UTF-8"),
        (b"", "the file {path} has no records"),
        (b" \n\n", "the file {path} has no records"),
    ],
)
def test_a_line_that_is_not_a_record_is_refused_with_file_and_position(
    tmp_path: Path, content: bytes, text: str
) -> None:
    """The message names file, line and position, and how to fix it."""
    path = _file(tmp_path, content)
    with pytest.raises(DataError) as caught:
        list(read_jsonl(path))
    assert str(caught.value).startswith(text.format(path=repr(str(path))))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A missing file and a folder are the user's mistakes, not tracebacks."""
    with pytest.raises(DataError, match="there is no file"):
        list(read_jsonl(tmp_path / "none.jsonl"))
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        list(read_jsonl(tmp_path))


def test_values_that_json_has_no_place_for_are_read_if_asked_for(tmp_path: Path) -> None:
    """The caller decides what to do with them, field by field."""
    lines = b'{"a": NaN, "b": 1e999, "c": "\\ud800"}\n{"a": -Infinity, "b": ' + b"9" * 5000 + b"}\n"
    first, second = read_jsonl(_file(tmp_path, lines), strict=False)
    assert math.isnan(first["a"])
    assert (math.inf, "\ud800") == (first["b"], first["c"])
    assert {"a": -math.inf, "b": math.inf} == second


def test_a_compressed_file_is_read(tmp_path: Path) -> None:
    """Lines and bytes in messages are those of the file without its compression."""
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n\n{"a": }\n'))
    records = read_jsonl(path)
    assert {"a": 1} == next(records)
    with pytest.raises(DataError, match=r"line 3 of '.*rows\.jsonl\.gz' is not JSON at column 7"):
        next(records)


@pytest.mark.parametrize(
    ("value", "expected"), [(1.5, "a number"), ([1], "a list"), (None, "null"), (True, "true"), ("a", "a string")]
)
def test_a_value_is_named(value: object, expected: str) -> None:
    """As messages call it."""
    assert expected == json_kind(value)


def test_lines_have_their_numbers() -> None:
    """Blank lines count."""
    assert [(1, {"a": 1}), (3, {"a": 2})] == list(parse_lines([b'{"a": 1}\n', b"\n", b'{"a": 2}'], "'x'", strict=True))
