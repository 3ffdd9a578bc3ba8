"""A file of rows in any format that is read: found by its first bytes and its content, never by its name alone."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

import attrs

from llmops_sdk.data.files.columnar import FORMATS, ColumnarFile
from llmops_sdk.data.files.compression import compressed_as, open_plain, read_plain_head
from llmops_sdk.data.files.delimited import DelimitedRows, find_separator
from llmops_sdk.data.files.encodings import decoded_head, encoding_of, text_lines
from llmops_sdk.data.files.formats import name_binary, name_document_format
from llmops_sdk.data.files.json_document import read_document, starts_document
from llmops_sdk.data.files.json_stream import JsonStream, open_json
from llmops_sdk.data.files.jsonl import parse_lines
from llmops_sdk.errors import DataError
from llmops_sdk.values.data import Record

LINES, DOCUMENT, DELIMITED = "JSON lines", "JSON", "CSV"

_JSON_START = re.compile(r"\s*(\{\s*([\"}{]|$)|\[\s*([\[{\"\]\d]|$))")
_SEPARATOR_NAMES = {"\t": "tabs", ";": "semicolons", "|": "vertical bars", ":": "colons"}
_COMPRESSION_SUFFIXES = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd", ".bz2": "bzip2", ".xz": "xz"}
_FORMAT_SUFFIXES = {
    ".jsonl": (LINES, DOCUMENT),
    ".ndjson": (LINES, DOCUMENT),
    ".json": (LINES, DOCUMENT),
    ".csv": (DELIMITED,),
    ".tsv": (DELIMITED,),
    ".parquet": ("Parquet",),
    ".arrow": ("Arrow", "Arrow stream"),
    ".feather": ("Feather", "Arrow"),
}
_WIDE = ("utf-16", "utf-32")


@attrs.frozen
class NamedRow:
    """A row of a file.

    Attributes:
        name: What messages call it: `record 3 of 'rows.jsonl'`, or `line 7 of 'rows.csv'`.
        values: Its fields.
    """

    name: str
    values: Record


@attrs.frozen
class Table:
    """A file of rows.

    Attributes:
        path: The file.
        format: `JSON lines`, `JSON`, `CSV`, `Parquet`, `Arrow`, `Arrow stream` or `Feather`.
        compression: `gzip`, `zstd`, `bzip2` or `xz`; empty if it is not compressed.
        encoding: The codec of its text; empty if it is no text.
        separator: Between the cells of a CSV file; empty in other formats.
        is_separator_found: Whether the separator was found, and not set by the user.
    """

    path: Path
    format: str
    compression: str = ""
    encoding: str = ""
    separator: str = ""
    is_separator_found: bool = False

    @property
    def description(self) -> str:
        """The format in words: `CSV, with tabs between cells, UTF-16, compressed with gzip`."""
        separated = self.separator not in ("", ",")
        separator = f"with {_SEPARATOR_NAMES.get(self.separator, repr(self.separator))} between cells"
        encoding = self.encoding.removesuffix("-sig").upper()
        parts = (
            self.format,
            separator if separated else "",
            encoding if encoding not in ("", "UTF-8") else "",
            f"compressed with {self.compression}" if self.compression else "",
        )
        return ", ".join(filter(None, parts))

    @property
    def is_as_named(self) -> bool:
        """Whether the file's name has no suffix of another format or compression."""
        suffixes = [suffix.lower() for suffix in self.path.suffixes]
        compressions = [name for suffix, name in _COMPRESSION_SUFFIXES.items() if suffix in suffixes[-1:]]
        formats = [formats for suffix, formats in _FORMAT_SUFFIXES.items() if suffix in suffixes[-2:]]
        return compressions == [name for name in (self.compression,) if name] and (
            not formats or self.format in formats[-1]
        )

    def rows(self) -> Iterator[NamedRow]:
        """Yield the rows, from the first one, as a stream.

        NaN, infinite numbers and halves of surrogate pairs are read as they are: the caller decides what to do with them.

        Raises:
            DataError: The file is damaged, or a row cannot be read; the message names it.
            MissingExtraError: The format needs a library that is not installed.
        """
        name = repr(self.path.name)
        if self.format == DELIMITED:
            with open_plain(self.path) as file:
                lines = text_lines(file, self.encoding, name, newline="")
                for line, row in DelimitedRows(name, self.separator, self.is_separator_found).read(lines):
                    yield NamedRow(f"line {line} of {name}", row)
            return
        for number, row in self._numbered():
            yield NamedRow(f"record {number} of {name}", row)

    def _numbered(self) -> Iterator[tuple[int, Record]]:
        """Yield the rows of a format that has no lines to name, each with its number, from 1."""
        if self.format == LINES:
            with open_plain(self.path) as file:
                parsed = parse_lines(_utf8_lines(file, self), repr(str(self.path)), strict=False)
                yield from enumerate((record for _, record in parsed), start=1)
        elif self.format == DOCUMENT:
            name = repr(self.path.name)
            with open_json(self.path, encoding=self.encoding, name=name) as stream:
                yield from read_document(stream, name)
        else:
            yield from ColumnarFile(self.path, self.format, repr(self.path.name)).rows()


def open_table(path: Path, *, encoding: str = "", separator: str = "", text: str = "") -> Table:
    """Find out which format a file has; its rows are read with `Table.rows`.

    Args:
        path: The file.
        encoding: Its encoding, under any name that Python knows; if empty, it is found by a byte order mark, or UTF-8.
        separator: The character between the cells of a CSV file; if empty, it is found by the first rows.
        text: What a text is: `json`, `csv`, or empty to decide by its content.

    Raises:
        DataError: The file is missing, unreadable, or in a format that is not read; the message names what it is.
    """
    head = read_plain_head(path)
    compression = compressed_as(path)
    binary = next((name for start, name in FORMATS if head.startswith(start) and name_binary(head)), "")
    if binary:
        return Table(path, binary, compression)
    codec = encoding_of(head, encoding, repr(path.name))
    problem = name_document_format(decoded_head(head, codec).encode() if codec.startswith(_WIDE) else head)
    problem = ("" if codec.startswith(_WIDE) else name_binary(head)) or problem
    if problem:
        message = f"the file {str(path)!r} {problem}"
        raise DataError(message)
    start = decoded_head(head, codec)
    if _is_json(start, text, path):
        return Table(path, _json_format(path, codec, start), compression, codec)
    return Table(path, DELIMITED, compression, codec, separator or find_separator(start), not separator)


def _is_json(start: str, text: str, path: Path) -> bool:
    """Return whether a text is JSON, and not CSV.

    Raises:
        DataError: It is not what the user says that it is.
    """
    looks_like_json = bool(_JSON_START.match(start))
    if text == "json" and not looks_like_json and _has_columns(start):
        message = f"the file {str(path)!r} looks like CSV, not JSON: load it with the dataset 'file'"
        raise DataError(message)
    if text == "csv" and looks_like_json:
        message = f"the file {str(path)!r} is JSON, not CSV: load it with the dataset 'file'"
        raise DataError(message)
    return looks_like_json if not text else text == "json"


def _has_columns(start: str) -> bool:
    """Return whether the first rows have the same separator the same number of times."""
    separator = find_separator(start)
    counts = {line.count(separator) for line in start.splitlines()[:3] if line.strip()}
    return len(counts) == 1 and 0 not in counts and start.count("\n") > 1


def _json_format(path: Path, encoding: str, start: str) -> str:
    """Return `LINES` for one object a line, and `DOCUMENT` for a list, for one object, and for objects over several lines."""
    if start.lstrip().startswith("["):
        lines = start.lstrip().splitlines()
        return LINES if len(lines) > 1 and lines[0].rstrip().endswith("]") else DOCUMENT
    with _text(path, encoding) as text:
        lines_of_text = (line for line in text if line.strip())
        first = next(lines_of_text, "")
        is_single = next(lines_of_text, None) is None
    if starts_document(JsonStream(io.StringIO(first), path.name)):
        return DOCUMENT if is_single else LINES
    with open_json(path, encoding=encoding) as stream:
        return DOCUMENT if starts_document(stream) else LINES


@contextmanager
def _text(path: Path, encoding: str) -> Iterator[TextIO]:
    with open_plain(path) as file:
        text = io.TextIOWrapper(file, encoding=encoding, errors="replace", newline="\n")
        try:
            yield text
        finally:
            with suppress(ValueError):  # the file is closed already where a reader is given up before its end
                text.detach()


def _utf8_lines(file: BinaryIO, table: Table) -> Iterator[bytes]:
    """Return the lines of a text as UTF-8; those of UTF-8 as they are, so that messages can name a byte of the file."""
    if table.encoding in ("utf-8", "utf-8-sig"):
        return iter(file)
    texts = text_lines(file, table.encoding, repr(table.path.name), newline="\n")
    return (line.encode() for line in texts)
