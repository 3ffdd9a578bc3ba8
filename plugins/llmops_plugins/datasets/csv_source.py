"""Tables as text (CSV, TSV): a header, then one record a row."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from llmops_plugins.datasets.files import FileDataset
from llmops_plugins.datasets.options import CsvOptions
from llmops_sdk.plugin import DataError, Record

# Large enough for a book; an unclosed quote, which swallows the rest of the file, is told before memory is full.
_LARGEST_CELL = 16 * 2**20


class CsvDataset(FileDataset):
    """Brings the rows of a CSV file."""

    options: CsvOptions

    def read(self, path: Path) -> Iterator[tuple[str, Record]]:
        """Yield the records of one file, each with its line, as messages call it.

        Raises:
            DataError: Names the line: other cells than the header has, an unclosed quote, another encoding.
        """
        # "utf-8-sig" is UTF-8 with or without the byte order mark that spreadsheets write
        encoding = "utf-8-sig" if self.options.encoding.lower().replace("_", "-") == "utf-8" else self.options.encoding
        with path.open(encoding=encoding, newline="") as lines:
            cells = self._cells(lines, path)
            header = _header(next(cells, None), path)
            for line, row in cells:
                where = f"line {line} of {path.name!r}"
                if len(row) != len(header):
                    message = (
                        f"{where} has {_cells(len(row))}, but the header has {len(header)};"
                        f" is the delimiter {self.options.delimiter!r}?"
                    )
                    raise DataError(message)
                yield where, dict(zip(header, row, strict=True))

    def _cells(self, lines: Iterable[str], path: Path) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows that are not blank, each with the line it begins on."""
        reader = csv.reader(lines, delimiter=self.options.delimiter, strict=True)
        while True:
            line = reader.line_num + 1
            try:
                with _large_cells():
                    row = next(reader, None)
            except csv.Error as exc:
                hint = "; is a quote not closed?" if "limit" in str(exc) or "end of data" in str(exc) else ""
                message = f"the row at line {line} of {path.name!r} is no CSV: {exc}{hint}"
                raise DataError(message) from exc
            except UnicodeError as exc:
                message = (
                    f"{path.name!r} is not {self.options.encoding}, at or soon after line {line}:"
                    f" say which it is with encoding, for example encoding: windows-1252"
                )
                raise DataError(message) from exc
            if row is None:
                return
            if row:
                yield line, row


@contextmanager
def _large_cells() -> Iterator[None]:
    """Allow large cells while one row is read; the limit is the whole process's, so it is put back each time."""
    before = csv.field_size_limit(_LARGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _header(first: tuple[int, list[str]] | None, path: Path) -> list[str]:
    if first is None:
        message = f"{path.name!r} is empty; its first line must name the columns"
        raise DataError(message)
    header = [name.strip() for name in first[1]]
    odd = [name for place, name in enumerate(header) if not name or name in header[:place]]
    if odd:
        what = f"names the column {odd[0]!r} twice" if odd[0] else "has a column without a name"
        message = f"the header of {path.name!r} {what}"
        raise DataError(message)
    return header


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"
