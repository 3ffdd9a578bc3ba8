"""The reporter `table`: the scores as one tidy table, and the candidates as another, in Parquet, JSONL or CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import attrs

from llmops_plugins.reporters.destination import new_file
from llmops_plugins.reporters.options import TableOptions
from llmops_sdk.plugin import (
    CandidateRow,
    Context,
    Reporter,
    Row,
    Run,
    arrow_schema,
    read_candidates,
    read_rows,
    row_columns,
)

_BATCH_ROWS = 5_000
_BATCH_CHARACTERS = 8_000_000
"""Rows of a Parquet file are written together until they are this many, or their texts this long."""

Write = Callable[[Mapping[str, Any]], None]


class TableReporter(Reporter):
    """Writes a row for each record, candidate and metric, and one for each candidate and metric."""

    options: TableOptions

    def report(self, context: Context, run: Run) -> None:
        scores, candidates = self.options.files()
        with new_file(context, run, scores.path, scores.name) as draft:
            _write_table(draft, Row, read_rows(run))
        with new_file(context, run, candidates.path, candidates.name) as draft:
            _write_table(draft, CandidateRow, read_candidates(run))


def _write_table(path: Path, cls: type, rows: Iterable[Any]) -> None:
    columns = row_columns(cls)
    with _WRITERS[path.suffix](path, columns) as write:
        for row in rows:
            write({name: getattr(row, name) for name in columns})


@contextmanager
def _jsonl(path: Path, _columns: Mapping[str, type]) -> Iterator[Write]:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        yield lambda row: _write_line(file, row)


def _write_line(file: Any, row: Mapping[str, Any]) -> None:
    file.write(json.dumps(row, ensure_ascii=False) + "\n")


@contextmanager
def _csv(path: Path, columns: Mapping[str, type]) -> Iterator[Write]:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        yield lambda row: writer.writerow(map(_cell, row.values()))


def _cell(value: Any) -> Any:
    return ("true" if value else "false") if isinstance(value, bool) else value


@contextmanager
def _parquet(path: Path, columns: Mapping[str, type]) -> Iterator[Write]:
    schema = arrow_schema(columns)
    arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    with parquet.ParquetWriter(path, schema, compression="zstd") as file:
        batch = _Batch(lambda rows: file.write_batch(arrow.RecordBatch.from_pylist(rows, schema=schema)))
        yield batch.add
        batch.write()


@attrs.define
class _Batch:
    """Rows that are written together.

    Attributes:
        write_rows: Writes them.
        rows: Those that are not written yet.
        characters: The length of their texts.
    """

    write_rows: Callable[[list[Mapping[str, Any]]], None]
    rows: list[Mapping[str, Any]] = attrs.field(factory=list)
    characters: int = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row, and write them all if they are many."""
        self.rows.append(row)
        self.characters += sum(len(value) for value in row.values() if isinstance(value, str))
        if len(self.rows) >= _BATCH_ROWS or self.characters >= _BATCH_CHARACTERS:
            self.write()

    def write(self) -> None:
        """Write the rows that are not written yet."""
        if self.rows:
            self.write_rows(self.rows)
        self.rows, self.characters = [], 0


_WRITERS = {".jsonl": _jsonl, ".csv": _csv, ".parquet": _parquet}
