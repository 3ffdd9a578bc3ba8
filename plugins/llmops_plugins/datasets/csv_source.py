"""The dataset `csv`: a table as text (CSV, TSV), with a header."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from llmops_plugins.datasets.files import FileDataset
from llmops_plugins.datasets.options import CsvOptions
from llmops_sdk.plugin import DataError, Record, name_json_lines, name_other_format, read_head

# Large enough for a book; an unclosed quote, which takes the rest of the file, is an error before memory is full.
_MAX_CELL = 16 * 2**20


class CsvDataset(FileDataset):
    """Loads the records of a CSV file."""

    options: CsvOptions

    def read(self, path: Path) -> Iterator[tuple[str, Record]]:
        """Yield the rows of one file, each with its line, which is its name in messages.

        Raises:
            DataError: Names the line: another number of cells than the header, an unclosed quote, another encoding.
        """
        problem = name_other_format(read_head(path), encoding=self.options.encoding)
        if problem:
            option = "; or set encoding: utf-16" if problem.startswith("is UTF-16") else ""
            message = f"{path.name!r} {problem}{option}"
            raise DataError(message)
        # "utf-8-sig" is UTF-8 with or without the byte order mark that spreadsheets write
        encoding = "utf-8-sig" if self.options.encoding.lower().replace("_", "-") == "utf-8" else self.options.encoding
        with path.open(encoding=encoding, newline="") as lines:
            rows = self._rows(lines, path)
            first = next(rows, None)
            problem = name_json_lines(self.options.delimiter.join(first[1])) if first else ""
            if problem:
                message = f"{path.name!r} {problem}"
                raise DataError(message)
            header = _header(first, path)
            for line, row in rows:
                name = f"line {line} of {path.name!r}"
                if len(row) != len(header):
                    message = (
                        f"{name} has {_count(len(row))}, but the header has {len(header)};"
                        f" is the delimiter {self.options.delimiter!r}?"
                    )
                    raise DataError(message)
                yield name, dict(zip(header, row, strict=True))

    def _rows(self, lines: Iterable[str], path: Path) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows that are not blank, each with the line it starts on."""
        reader = csv.reader(lines, delimiter=self.options.delimiter, strict=True)
        while True:
            line = reader.line_num + 1
            try:
                with _large_cells():
                    row = next(reader, None)
            except csv.Error as exc:
                hint = "; is a quote not closed?" if "limit" in str(exc) or "end of data" in str(exc) else ""
                message = f"the row at line {line} of {path.name!r} is not CSV: {exc}{hint}"
                raise DataError(message) from exc
            except UnicodeError as exc:
                message = (
                    f"{path.name!r} is not {self.options.encoding}, at or soon after line {line}:"
                    f" set its encoding, for example encoding: windows-1252"
                )
                raise DataError(message) from exc
            if row is None:
                return
            if row:
                yield line, row


@contextmanager
def _large_cells() -> Iterator[None]:
    """Allow large cells while one row is read; the limit is that of the whole process, so it is restored each time."""
    before = csv.field_size_limit(_MAX_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _header(first: tuple[int, list[str]] | None, path: Path) -> list[str]:
    if first is None:
        message = f"{path.name!r} is empty; its first line must name the columns"
        raise DataError(message)
    header = [name.strip() for name in first[1]]
    invalid = [name for number, name in enumerate(header) if not name or name in header[:number]]
    if invalid:
        problem = f"names the column {invalid[0]!r} twice" if invalid[0] else "has a column without a name"
        message = f"the header of {path.name!r} {problem}"
        raise DataError(message)
    return header


def _count(cells: int) -> str:
    return "1 cell" if cells == 1 else f"{cells} cells"
