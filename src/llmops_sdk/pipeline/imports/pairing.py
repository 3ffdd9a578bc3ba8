"""The rows of all sources in a database on disk, and the records that all candidates of a dataset have."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.data.json_values import NO_JSON, json_value
from llmops_sdk.errors import DataError
from llmops_sdk.pipeline.imports.entries import Entry, Spread
from llmops_sdk.steps.client.replies import repaired
from llmops_sdk.values.answers import Answer
from llmops_sdk.values.imports import ImportedRow

_BATCH = 1_000
_SHOWN = 80
_LARGEST = 1e100
_CACHE_KIB = 64 * 1024

_SCHEMA = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA locking_mode = EXCLUSIVE;
    CREATE TABLE rows (entry INTEGER, key TEXT, record TEXT, answer TEXT, agree TEXT, cluster TEXT);
"""
_INSERT = "INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?)"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_TEXTS = ("output", "reasoning", "model")
_ENDINGS = ("stop", "length")


@attrs.frozen(kw_only=True)
class PairedRow:
    """A row of one candidate for a record that all candidates have.

    Attributes:
        entry: The number of its entry.
        record: What is known of the record.
        answer: The answer as JSON; with `scores`, and `error` and `is_missing` where there is none.
        must_agree: What must be equal under one key.
        group: The cluster of the record, or empty.
    """

    entry: int
    record: Mapping[str, Any]
    answer: Mapping[str, Any]
    must_agree: Mapping[str, str]
    group: str


class RowTable:
    """The rows of all entries.

    Args:
        path: The database; it is created empty.
    """

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.executescript(_SCHEMA)
        self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")

    def add(self, entry: Entry, rows: Iterable[ImportedRow], advance: Callable[[int], None] = lambda _: None) -> None:
        """Add the rows of an entry, and count its scores.

        Args:
            entry: The entry.
            rows: Its rows.
            advance: Called with the number of further rows, now and then.

        Raises:
            DataError: A row has no key, or a score that is no number.
        """
        remaining = iter(rows)
        self._database.execute("BEGIN")
        while batch := list(islice(remaining, _BATCH)):
            self._database.executemany(_INSERT, [_values(entry, row) for row in batch])
            entry.rows += len(batch)
            advance(len(batch))
        self._database.execute("COMMIT")

    def pair(self, entries: Sequence[Entry]) -> int:
        """Find the records that all of some entries have, and return their number. Call it once for each dataset."""
        numbers = _numbers(entries)
        self._database.executescript(
            f"""
            CREATE INDEX IF NOT EXISTS by_key ON rows (key, entry);
            DROP TABLE IF EXISTS pairs;
            CREATE TABLE pairs (number INTEGER PRIMARY KEY, key TEXT UNIQUE);
            INSERT INTO pairs (key) SELECT key FROM rows WHERE entry IN ({numbers})
                GROUP BY key HAVING COUNT(DISTINCT entry) = {len(entries)} ORDER BY MIN(rowid);
            """  # noqa: S608 - numbers only
        )
        (count,) = self._database.execute("SELECT COUNT(*) FROM pairs").fetchone()
        return int(count)

    def records(self, entries: Sequence[Entry]) -> Iterator[tuple[str, list[PairedRow]]]:
        """Yield each record that `pair` found, in the order of the first source: its key, and the rows of all entries."""
        selected = self._database.execute(
            f"SELECT number, pairs.key, entry, record, answer, agree, cluster FROM pairs JOIN rows USING (key)"  # noqa: S608
            f" WHERE entry IN ({_numbers(entries)}) ORDER BY number, entry, rows.rowid"
        )
        for _, rows in groupby(selected, key=itemgetter(0)):
            own = list(rows)
            yield (
                own[0][1],
                [
                    PairedRow(
                        entry=entry,
                        record=json.loads(record),
                        answer=json.loads(answer),
                        must_agree=json.loads(agree),
                        group=group,
                    )
                    for _, _, entry, record, answer, agree, group in own
                ],
            )

    def unpaired(self, entry: Entry) -> Iterator[str]:
        """Yield the keys of an entry that not all entries have, in its order, after `pair`."""
        selected = self._database.execute(
            "SELECT key FROM rows WHERE entry = ? AND key NOT IN (SELECT key FROM pairs) GROUP BY key ORDER BY MIN(rowid)",
            (entry.number,),
        )
        return (key for (key,) in selected)

    def sample_keys(self, entry: Entry, most: int) -> list[str]:
        """Return the first keys of an entry."""
        selected = self._database.execute("SELECT key FROM rows WHERE entry = ? LIMIT ?", (entry.number, most))
        return [key for (key,) in selected]

    def close(self) -> None:
        """Close the database."""
        self._database.close()


class Agreement:
    """Finds what differs under one key of a dataset although it must be equal.

    Args:
        entries: The entries of the dataset.
        allowed: The names of what may differ.

    Attributes:
        declared: What differs as declared, with the number of records.
    """

    def __init__(self, entries: Iterable[Entry], allowed: Collection[str]) -> None:
        self._parts = {entry.number: entry for entry in entries}
        self._allowed = allowed
        self._counts: dict[str, int] = {}
        self._examples: dict[str, str] = {}
        self.declared: dict[str, int] = {}

    def check(self, key: str, rows: Sequence[PairedRow]) -> None:
        """Count what differs among the rows of one record."""
        seen: dict[str, tuple[str, int]] = {}
        differing: dict[str, str] = {}
        for row in rows:
            for name, value in row.must_agree.items():
                first, entry = seen.setdefault(name, (value, row.entry))
                if value != first and name not in differing:
                    differing[name] = self._example(key, (entry, first), (row.entry, value))
        for name, example in differing.items():
            counts = self.declared if is_allowed(name, self._allowed) else self._counts
            counts[name] = counts.get(name, 0) + 1
            self._examples.setdefault(name, example)

    def require(self, records: int) -> None:
        """Refuse what differs and is not declared.

        Raises:
            DataError: The message names what differs, for how many records, and one of them.
        """
        if not self._counts:
            return
        name, count = max(self._counts.items(), key=itemgetter(1))
        message = (
            f"the {name} of {count} of {records} records differs under one key: {self._examples[name]}; pair them by another "
            f"field with --id NAME, or if that is meant, declare it: --allow-different {declared_as(name)}"
        )
        raise DataError(message)

    def _example(self, key: str, first: tuple[int, str], other: tuple[int, str]) -> str:
        sides = " and ".join(f"{_cut(value)!r} in {self._parts[entry].source_label}" for entry, value in (first, other))
        return f"{_cut(key)!r} has {sides}"


def is_allowed(name: str, allowed: Collection[str]) -> bool:
    """Return whether something may differ: it, or its first word, was declared."""
    return name in allowed or declared_as(name) in allowed


def concerns(name: str, metrics: Collection[str]) -> bool:
    """Return whether something that must agree matters to some metrics: `grader of METRIC` matters to that one only."""
    _, grader, metric = name.partition("grader of ")
    return not grader or metric in metrics


def declared_as(name: str) -> str:
    """Return the word by which a difference is declared.

    >>> declared_as("grader of rougeL"), declared_as("prompt")
    ('grader', 'prompt')
    """
    return name.partition(" ")[0]


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _numbers(entries: Iterable[Entry]) -> str:
    return ",".join(str(entry.number) for entry in entries)


def _values(entry: Entry, row: ImportedRow) -> tuple[Any, ...]:
    key = repaired(row.key.strip())
    if not key:
        message = f"row {entry.rows + 1} of {entry.source_label} has nothing to pair it by"
        raise DataError(message)
    agree = {repaired(name): repaired(value) for name, value in row.must_agree.items()}
    answer = _answer(entry, row, key)
    return entry.number, key, _encode(_record(row)), _encode(answer), _encode(agree), repaired(row.group)


def _record(row: ImportedRow) -> dict[str, Any]:
    record = {}
    for name, value in row.record.items():
        held = json_value(repaired(value) if isinstance(value, str) else value)
        if held is not NO_JSON:
            record[repaired(name)] = held
    return record


def _answer(entry: Entry, row: ImportedRow, key: str) -> dict[str, Any]:
    """Return the answer as JSON, and count its scores. One that could not be scored is as none."""
    if row.answer is None or (row.error and not row.answer.scores):
        return {
            "error": repaired(row.error) or "there is no answer",
            **({"is_missing": True} if row.is_missing else {}),
        }
    scores = {}
    for metric, score in row.answer.scores.items():
        if not isinstance(score, (int, float)) or not abs(score) <= _LARGEST:
            message = f"the score {metric!r} of {key!r} in {entry.source_label} is {score!r}, not a finite number"
            raise DataError(message)
        scores[metric] = float(score)
        entry.spreads.setdefault(metric, Spread()).add(float(score))
    fields = _fields(row.answer)
    entry.fields |= fields.keys()
    return {**fields, "scores": scores}


def _fields(answer: Answer) -> dict[str, Any]:
    values: dict[str, Any] = {name: repaired(text) for name in _TEXTS if (text := getattr(answer, name))}
    if answer.finish_reason in _ENDINGS:  # another one would be read as a failure, and this answer has scores
        values["finish_reason"] = answer.finish_reason
    numbers = {
        "latency": answer.latency,
        "input_tokens": answer.prompt_tokens,
        "output_tokens": answer.output_tokens,
        "cost": answer.cost,
    }
    return {**values, **{name: number for name, number in numbers.items() if number is not None}}
