"""The answers of a file, found by their keys: in a database on disk, so that a file of any length needs little memory."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import attrs

from llmops_plugins.recorded.answers import row_answer
from llmops_plugins.recorded.columns import KINDS, Columns, choose_columns, is_kept
from llmops_plugins.recorded.fields import field_of
from llmops_plugins.recorded.file_options import RecordedModelOptions
from llmops_plugins.recorded.files import Row, read_rows
from llmops_plugins.recorded.keys import row_input, row_keys
from llmops_sdk.plugin import Answer, DataError, id_text, number_of

_PEEKED = 100
"""Rows whose fields are looked at to choose the columns."""

_CACHE_KIB = 32 * 1024
_MOST_MODELS = 100
_SHOWN = 40
_BATCH = 1_000

_SCHEMA = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA locking_mode = EXCLUSIVE;
    CREATE TABLE answers (number INTEGER PRIMARY KEY, place TEXT, label TEXT, content TEXT);
    CREATE TABLE keys (kind TEXT, key BLOB, number INTEGER, PRIMARY KEY (kind, key)) WITHOUT ROWID;
"""

_FIND = "SELECT answers.number, place, label, content FROM keys JOIN answers USING (number) WHERE kind = ? AND key = ?"
_encode = json.JSONEncoder(default=str).encode


@attrs.frozen
class Clash:
    """Two rows with the same key and different answers.

    Attributes:
        label: What they have in common.
        first: The place of the earlier one.
        second: The place of the later one.
    """

    label: str
    first: str
    second: str


@attrs.frozen
class IndexedRow:
    """A row of the file, as the index has it.

    Attributes:
        number: Of the row, from 0.
        place: Where it is in the file: `line 3`.
        label: Its ID, or the first words of its input.
        content: The fields that an answer is made of, as JSON.
        columns: Which fields these are.
    """

    number: int
    place: str
    label: str
    content: str
    columns: Columns

    @property
    def answer(self) -> Answer:
        """The answer.

        Raises:
            RequestError: The row has none; not retryable.
        """
        return row_answer(json.loads(self.content), self.columns)

    def agrees_with(self, other: IndexedRow) -> bool:
        """Whether both have the same answer with the same scores, whatever else differs."""
        own, others = json.loads(self.content), json.loads(other.content)
        names = (self.columns.answer, *self.columns.scores.values())
        return all(own.get(name) == others.get(name) for name in names)


class AnswerIndex:
    """The answers of a file by their keys.

    Args:
        path: The database; it is created empty, and deleted by `close`.

    Attributes:
        rows: The number of rows that the filter keeps.
        columns: The fields that were chosen.
        clashes: The first clash of each kind of key, if there is one.
        models: The models that answered, with the number of their answers.
    """

    def __init__(self, path: Path) -> None:
        self.rows = 0
        self.clashes: dict[str, Clash] = {}
        self.models: Counter[str] = Counter()
        self.columns = Columns(answer="")
        self._path = path
        self._file = ""
        path.unlink(missing_ok=True)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.executescript(_SCHEMA)
        self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of keys that the file has, the most exact first."""
        return tuple(kind for kind in KINDS if self.columns.field_of_join(kind))

    def add_file(
        self, path: Path, options: RecordedModelOptions, advance: Callable[[int], None] = lambda _: None
    ) -> None:
        """Read a file to its end.

        Args:
            path: The file.
            options: Which fields hold what.
            advance: Called with the number of further rows, now and then.

        Raises:
            DataError: The file, or a row of it, cannot be used; the message names the line or the fields.
        """
        self._file = path.name
        rows = read_rows(path, options)
        first = list(islice(rows, _PEEKED))
        self.columns = choose_columns(first, options, path.name)
        self._database.execute("BEGIN")
        kept = (row for row in chain(first, rows) if is_kept(row, options.filter))
        while batch := list(islice(kept, _BATCH)):
            self._add(batch)
            advance(len(batch))
        self._database.execute("COMMIT")
        if not self.rows:
            condition = f" with {options.filter}" if options.filter else ""
            message = f"{path.name!r} has no rows{condition}"
            raise DataError(message)

    def find(self, kind: str, keys: Iterator[bytes]) -> IndexedRow | None:
        """Return the row that has the first of some keys which a row has, or None."""
        with self._lock:
            for key in keys:
                row = self._database.execute(_FIND, (kind, key)).fetchone()
                if row is not None:
                    return self._row(*row)
        return None

    def rows_at(self, numbers: Iterator[int]) -> Iterator[IndexedRow]:
        """Yield the rows of some numbers."""
        with self._lock:
            for number in numbers:
                row = self._database.execute("SELECT * FROM answers WHERE number = ?", (number,)).fetchone()
                yield self._row(*row)

    def close(self) -> None:
        """Delete the database."""
        with self._lock:
            self._database.close()
        self._path.unlink(missing_ok=True)

    def _row(self, number: int, place: str, label: str, content: str) -> IndexedRow:
        return IndexedRow(number, place, label, content, self.columns)

    def _add(self, batch: Sequence[Row]) -> None:
        names, rows, keys = self.columns.of_answers, [], []
        for number, row in enumerate(batch, start=self.rows):
            content = {name: value for name in names if (value := field_of(row.fields, name)) is not None}
            self._check_scores(row.place, content)
            rows.append((number, row.place, _label(row, self.columns), _encode(content)))
            keys += [(kind, key, number) for kind, key in row_keys(row.fields, self.columns)]
            self._count_model(content.get(self.columns.model))
        self.rows += len(batch)
        self._database.executemany("INSERT INTO answers VALUES (?, ?, ?, ?)", rows)
        before = self._database.total_changes
        self._database.executemany("INSERT OR IGNORE INTO keys VALUES (?, ?, ?)", keys)
        if self._database.total_changes - before < len(keys):
            self._find_clashes(keys)

    def _find_clashes(self, keys: Iterable[tuple[str, bytes, int]]) -> None:
        """Note the first two rows of each kind that have one key and different answers."""
        for kind, key, number in keys:
            earlier = None if kind in self.clashes else self.find(kind, iter((key,)))
            if earlier is None or earlier.number == number:
                continue
            (later,) = self.rows_at(iter((number,)))
            if not earlier.agrees_with(later):
                self.clashes[kind] = Clash(later.label, earlier.place, later.place)

    def _check_scores(self, place: str, content: Mapping[str, Any]) -> None:
        for metric, field in self.columns.scores.items():
            try:
                number_of(content.get(field))
            except ValueError as exc:
                message = f"{place} of {self._file!r} has no usable score of {metric!r} in {field!r}: {exc}"
                raise DataError(message) from exc

    def _count_model(self, name: Any) -> None:
        if isinstance(name, str) and name and (name in self.models or len(self.models) < _MOST_MODELS):
            self.models[name] += 1


def _label(row: Row, columns: Columns) -> str:
    identity = id_text(field_of(row.fields, columns.id))
    text = identity or " ".join(row_input(row.fields, columns)[: 4 * _SHOWN].split())
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return shown.encode("utf-8", "replace").decode()  # half a surrogate pair cannot be stored
