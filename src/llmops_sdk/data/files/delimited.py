"""Tables as text: CSV, TSV and any other separator, with a header; the separator is found by the first rows."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice

import attrs

from llmops_sdk.errors import DataError
from llmops_sdk.values.data import Record

# Large enough for a book; an unclosed quote, which takes the rest of the file, is an error before memory is full.
_MAX_CELL = 16 * 2**20
_SEPARATORS = (",", "\t", ";", "|", "\x01", "\x1f", "^", "~", ":")
_SNIFFED_ROWS = 30
# What Excel writes, or is asked to read, as the first line: `sep=;`.
_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)
_INDEX_NAMES = ("", "Unnamed: 0")


@attrs.frozen
class DelimitedRows:
    """The rows of a table as text.

    Attributes:
        name: The file's name in messages.
        separator: Between cells.
        is_found: Whether the separator was found by the first rows, and not set by the user.
    """

    name: str
    separator: str
    is_found: bool = False

    def read(self, lines: Iterable[str]) -> Iterator[tuple[int, Record]]:
        """Yield the rows, each with the line it starts on.

        A first column without a name is the index that pandas and R write: it is left out.

        Raises:
            DataError: Names the line: another number of cells than the header, or an unclosed quote; or there is no row.
        """
        rows = self._rows(lines)
        first = next(rows, None)
        if first and _SEPARATOR_LINE.fullmatch(self.separator.join(first[1])):
            first = next(rows, None)
        header = self._header(first)
        has_index = header[0] in _INDEX_NAMES and len(header) > 1
        line = 0
        for line, row in rows:
            if len(row) != len(header):
                hint = f"is the delimiter {self.separator!r}?"
                if self.is_found:
                    hint = f"the first rows have {self.separator!r} between cells: set delimiter if it is another"
                message = f"line {line} of {self.name} has {_count(len(row))}, but the header has {len(header)}; {hint}"
                raise DataError(message)
            record = dict(zip(header, row, strict=True))
            if has_index:
                del record[header[0]]
            yield line, record
        if not line:
            message = f"the file {self.name} has no records after its header"
            raise DataError(message)

    def _rows(self, lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows that are not blank, each with the line it starts on."""
        reader = csv.reader(lines, delimiter=self.separator, strict=True)
        while True:
            line = reader.line_num + 1
            try:
                with _large_cells():
                    row = next(reader, None)
            except csv.Error as exc:
                hint = "; is a quote not closed?" if "limit" in str(exc) or "end of data" in str(exc) else ""
                message = f"the row at line {line} of {self.name} is not CSV: {exc}{hint}"
                raise DataError(message) from exc
            if row is None:
                return
            if row:
                yield line, row

    def _header(self, first: tuple[int, list[str]] | None) -> list[str]:
        if first is None:
            message = f"{self.name} is empty; its first line must name the columns"
            raise DataError(message)
        header = [name.strip() for name in first[1]]
        invalid = [name for number, name in enumerate(header) if (not name and number) or name in header[:number]]
        if invalid or header == [""]:
            problem = (
                f"names the column {invalid[0]!r} twice" if invalid and invalid[0] else "has a column without a name"
            )
            message = f"the header of {self.name} {problem}"
            raise DataError(message)
        return header


def find_separator(sample: str) -> str:
    r"""Return the separator with which most of the first rows have as many cells as the first; a comma if none has.

    Args:
        sample: The start of the text.

    >>> find_separator("a;b\n1,5;2\n"), find_separator("a b\nc d\n")
    (';', ',')
    """
    stated = _SEPARATOR_LINE.match(sample)
    if stated:
        return stated.group(1)
    counts = {separator: _consistent_cells(sample, separator) for separator in _SEPARATORS}
    best = max(_SEPARATORS, key=lambda separator: counts[separator])
    return best if counts[best] > (0.0, 1) else ","


def _consistent_cells(sample: str, separator: str) -> tuple[float, int]:
    """Return the share of the first rows with as many cells as the first one, and that number."""
    rows = []
    try:
        # The last row may be cut in its middle.
        rows = list(
            islice(filter(None, csv.reader(sample.splitlines(keepends=True), delimiter=separator)), _SNIFFED_ROWS)
        )
    except csv.Error:
        return 0.0, 1
    rows = rows[:-1] if len(rows) > 2 else rows  # noqa: PLR2004 - two rows show more than one
    cells = len(rows[0]) if rows else 1
    if cells == 1:
        return 0.0, 1
    return Counter(len(row) for row in rows)[cells] / len(rows), cells


@contextmanager
def _large_cells() -> Iterator[None]:
    """Allow large cells while one row is read; the limit is that of the whole process, so it is restored each time."""
    before = csv.field_size_limit(_MAX_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _count(cells: int) -> str:
    return "1 cell" if cells == 1 else f"{cells} cells"
