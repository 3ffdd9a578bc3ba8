"""The answers of a file, found by their keys: in a database on disk, so that a file of any length needs little memory."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path

import attrs

from llmops_plugins.recorded.answers import row_answer
from llmops_plugins.recorded.columns import Columns, choose_columns, is_kept
from llmops_plugins.recorded.fields import value_at
from llmops_plugins.recorded.files import Row, read_rows
from llmops_plugins.recorded.keys import HASH, ID, INPUT, id_text, row_input, row_keys
from llmops_plugins.recorded.options import RecordedModelOptions
from llmops_sdk.plugin import Answer, DataError, RequestError

_PEEKED = 100
"""Rows whose fields are looked at to choose the columns."""

_CACHE_KIB = 32 * 1024
_MOST_MODELS = 100
_SHOWN = 40
_INTERVAL = 5_000

_SCHEMA = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA locking_mode = EXCLUSIVE;
    CREATE TABLE answers (number INTEGER PRIMARY KEY, place TEXT, label TEXT, content TEXT);
    CREATE TABLE keys (kind TEXT, key BLOB, number INTEGER, PRIMARY KEY (kind, key)) WITHOUT ROWID;
"""


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
class IndexedAnswer:
    """A row of the file, as the index has it.

    Attributes:
        number: Of the row, from 0.
        place: Where it is in the file: `line 3`.
        label: Its ID, or the first words of its input.
        content: Its answer as JSON, or why it has none.
    """

    number: int
    place: str
    label: str
    content: str

    @property
    def answer(self) -> Answer:
        """The answer.

        Raises:
            RequestError: The row has none; not retryable.
        """
        values = json.loads(self.content)
        if isinstance(values, str):
            raise RequestError(values, retryable=False)
        return Answer(**values)

    @property
    def output(self) -> str | None:
        """The text of the answer, or None where the row has none."""
        values = json.loads(self.content)
        return None if isinstance(values, str) else values.get("output", "")


class AnswerIndex:
    """The answers of a file by their keys.

    Args:
        path: The database; it is made anew, and deleted by `close`.

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
        path.unlink(missing_ok=True)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.executescript(_SCHEMA)
        self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of keys that the file has, the most exact first."""
        columns = {ID: self.columns.id, HASH: self.columns.input_hash, INPUT: self.columns.input}
        return tuple(kind for kind, name in columns.items() if name)

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
        rows = read_rows(path, options)
        first = list(islice(rows, _PEEKED))
        self.columns = choose_columns(first, options, path.name)
        self._database.execute("BEGIN")
        for row in chain(first, rows):
            if is_kept(row, options.filter):
                self._add(row)
                if self.rows % _INTERVAL == 0:
                    advance(_INTERVAL)
        self._database.execute("COMMIT")
        if not self.rows:
            kept = f" with {options.filter}" if options.filter else ""
            message = f"{path.name!r} has no rows{kept}"
            raise DataError(message)

    def find(self, kind: str, keys: Iterator[bytes]) -> IndexedAnswer | None:
        """Return the row that has the first of some keys which a row has, or None."""
        query = "SELECT answers.number, place, label, content FROM keys JOIN answers USING (number) WHERE kind = ? AND key = ?"
        with self._lock:
            for key in keys:
                row = self._database.execute(query, (kind, key)).fetchone()
                if row is not None:
                    return IndexedAnswer(*row)
        return None

    def rows_at(self, numbers: Iterator[int]) -> Iterator[IndexedAnswer]:
        """Yield the rows of some numbers."""
        with self._lock:
            for number in numbers:
                row = self._database.execute("SELECT * FROM answers WHERE number = ?", (number,)).fetchone()
                yield IndexedAnswer(*row)

    def close(self) -> None:
        """Delete the database."""
        with self._lock:
            self._database.close()
        self._path.unlink(missing_ok=True)

    def _add(self, row: Row) -> None:
        label = _label(row, self.columns)
        content, number = _content(row, self.columns), self.rows
        self.rows += 1
        self._count_model(row)
        self._database.execute("INSERT INTO answers VALUES (?, ?, ?, ?)", (number, row.place, label, content))
        for kind, key in row_keys(row.fields, self.columns):
            added = self._database.execute("INSERT OR IGNORE INTO keys VALUES (?, ?, ?)", (kind, key, number)).rowcount
            if not added and kind not in self.clashes:
                self._note_clash(kind, key, IndexedAnswer(number, row.place, label, content))

    def _note_clash(self, kind: str, key: bytes, later: IndexedAnswer) -> None:
        """Note two answers for one key, unless they are the same text."""
        earlier = self.find(kind, iter((key,)))
        if earlier is not None and earlier.output != later.output:
            self.clashes[kind] = Clash(later.label, earlier.place, later.place)

    def _count_model(self, row: Row) -> None:
        name = value_at(row.fields, self.columns.model) if self.columns.model else None
        if isinstance(name, str) and name and (name in self.models or len(self.models) < _MOST_MODELS):
            self.models[name] += 1


def _content(row: Row, columns: Columns) -> str:
    try:
        answer = row_answer(row.fields, columns)
    except RequestError as exc:
        return json.dumps(str(exc))
    return json.dumps({name: value for name, value in attrs.asdict(answer).items() if value not in (None, "")})


def _label(row: Row, columns: Columns) -> str:
    identity = id_text(value_at(row.fields, columns.id)) if columns.id else ""
    text = identity or " ".join(row_input(row.fields, columns)[: 4 * _SHOWN].split())
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return json.dumps(shown, ensure_ascii=True) if not shown.isascii() and _has_surrogate(shown) else shown


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)
