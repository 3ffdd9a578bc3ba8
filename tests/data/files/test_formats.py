"""What a file is that should have been text: each kind is named, and text is never taken for one of them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import sqlite3
import tarfile
import zipfile
from pathlib import Path

import pytest

from llmops_sdk.data.files.formats import name_document_format, name_other_format, wide_encoding

LINE = b'{"instruction": "a", "response": "b"}\n'


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("rows.jsonl", LINE)
    return buffer.getvalue()


def _tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("rows.jsonl"))
    return buffer.getvalue()


def _sqlite(folder: Path) -> bytes:
    with sqlite3.connect(folder / "rows.db") as database:
        database.execute("create table rows (a)")
    database.close()
    return (folder / "rows.db").read_bytes()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (gzip.compress(LINE, mtime=0), "is compressed with gzip: gunzip it"),
        (bz2.compress(LINE), "is compressed with bzip2: bunzip2 it"),
        (bz2.compress(b""), "is compressed with bzip2: bunzip2 it"),
        (lzma.compress(LINE), "is compressed with xz: decompress it with unxz"),
        (b"\x28\xb5\x2f\xfd\x24\x04\x21\0\0{}", "is compressed with zstd: decompress it with unzstd"),
        (_zip(), "is a ZIP archive or an Office document: unzip it"),
        (_tar(), "is a tar archive"),
        (b"PAR1\x15\x04\x15\x10", "is Parquet, a table"),
        (b"ARROW1\0\0\x10", "is Arrow, a table"),
        (b"\xff\xff\xff\xff\x10\0\0\0", "is an Arrow stream, a table"),
        (b"ORC\x11\0\0\n", "is ORC: "),
        (b"%PDF-1.7\n%\xe2\xe3", "is a PDF document"),
        (b"\x89HDF\r\n\x1a\n\0\0", "is HDF5: "),
        (b"\x93NUMPY\x01\0", "is a NumPy array: "),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "is an image (JPEG)"),
        *((pickle.dumps([{"a": 1}], protocol), "is a pickle of Python") for protocol in (2, 3, 4, 5)),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "is only a pointer of Git LFS: "),
        (b"\n<HTML><body>", "is an HTML page, not data"),
        (b"<?xml version='1.0'?>", "is XML: "),
        ('{"\u00e4": 1}'.encode("utf-16"), "is UTF-16, not UTF-8: iconv -f UTF-16 "),
        ('{"\u00e4": 1}'.encode("utf-16-le"), "is UTF-16LE, not UTF-8: iconv -f UTF-16LE "),
        ('{"\u00e4": 1}'.encode("utf-32-be"), "is UTF-32BE, not UTF-8: "),
        (b"\x01\x02\x03\x04\x05\x06\x07abc", "is a binary file, not text"),
    ],
)
def test_a_file_is_named_by_its_first_bytes(content: bytes, expected: str) -> None:
    """With what to do about it; never the advice to convert the encoding of what is no text."""
    named = name_other_format(content[:4096])
    assert named.startswith(expected)
    assert ("iconv" in named) == expected.startswith("is UTF")


def test_a_database_is_named(tmp_path: Path) -> None:
    """SQLite's file, as Python writes it."""
    assert name_other_format(_sqlite(tmp_path)).startswith("is a SQLite database: ")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        LINE,
        b"\xef\xbb\xbf" + LINE,
        "ORCID,name\n0000-0001,\u00c4nne\n".encode(),
        b"PAR10,GGUF\n1,2\n",
        b"BZh9,b\n",
        "caf\u00e9\n".encode("latin-1"),
        b"a\tb\n\x1b[1mbold\n",
        b'{"a": "<html>"}',
    ],
)
def test_text_is_text(content: bytes) -> None:
    """Whatever letters it starts with, and in whatever 8-bit encoding."""
    assert "" == name_other_format(content)


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        ("a,b\n", "utf-16", "UTF-16"),
        ("a,b\n", "utf-32", "UTF-32"),
        ("a,b\n", "utf-16-le", "UTF-16LE"),
        ("a,b\n", "utf-16-be", "UTF-16BE"),
        ("a,b\n", "utf-32-be", "UTF-32BE"),
        ("a,b\n", "utf-8", ""),
        ("\u4f60\u597d,b\n", "utf-8", ""),
    ],
)
def test_wide_encodings_are_found(text: str, encoding: str, expected: str) -> None:
    """By their byte order mark, or by the zeros of their first letters."""
    assert expected == wide_encoding(text.encode(encoding))


def test_a_page_is_no_data() -> None:
    """What a browser saves in place of the file is named as what it is; a cell with such a word is not."""
    assert name_document_format(b"<!DOCTYPE html>").startswith("is an HTML page, not data: download the file itself")
    assert "" == name_document_format(b"a,<html>\n")
