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
from llmops_sdk.pipeline.imports.parts import Part, Spread
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
    CREATE TABLE rows (part INTEGER, key TEXT, record TEXT, answer TEXT, agree TEXT, cluster TEXT);
"""
_INSERT = "INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?)"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_TEXTS = ("output", "reasoning", "model")
_ENDINGS = ("stop", "length")


@attrs.frozen(kw_only=True)
class PairedRow:
    """A row of one candidate for a record that all candidates have.

    Attributes:
        part: The number of its part.
        record: What is known of the record.
        answer: The answer as JSON; with `scores`, and `error` and `is_missing` where there is none.
        must_agree: What must be equal under one key.
        group: The cluster of the record, or empty.
    """

    part: int
    record: Mapping[str, Any]
    answer: Mapping[str, Any]
    must_agree: Mapping[str, str]
    group: str


class RowTable:
    """The rows of all parts.

    Args:
        path: The database; it is created empty.
    """

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.executescript(_SCHEMA)
        self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")

    def add(self, part: Part, rows: Iterable[ImportedRow], advance: Callable[[int], None] = lambda _: None) -> None:
        """Add the rows of a part, and count its scores.

        Args:
            part: The part.
            rows: Its rows.
            advance: Called with the number of further rows, now and then.

        Raises:
            DataError: A row has no key, or a score that is no number.
        """
        remaining = iter(rows)
        self._database.execute("BEGIN")
        while batch := list(islice(remaining, _BATCH)):
            self._database.executemany(_INSERT, [_values(part, row) for row in batch])
            part.rows += len(batch)
            advance(len(batch))
        self._database.execute("COMMIT")

    def pair(self, parts: Sequence[Part]) -> int:
        """Find the records that all of some parts have, and return their number. Call it once for each dataset."""
        numbers = _numbers(parts)
        self._database.executescript(
            f"""
            CREATE INDEX IF NOT EXISTS by_key ON rows (key, part);
            DROP TABLE IF EXISTS pairs;
            CREATE TABLE pairs (number INTEGER PRIMARY KEY, key TEXT UNIQUE);
            INSERT INTO pairs (key) SELECT key FROM rows WHERE part IN ({numbers})
                GROUP BY key HAVING COUNT(DISTINCT part) = {len(parts)} ORDER BY MIN(rowid);
            """  # noqa: S608 - numbers only
        )
        (count,) = self._database.execute("SELECT COUNT(*) FROM pairs").fetchone()
        return int(count)

    def records(self, parts: Sequence[Part]) -> Iterator[tuple[str, list[PairedRow]]]:
        """Yield each record that `pair` found, in the order of the first source: its key, and the rows of all parts."""
        found = self._database.execute(
            f"SELECT number, pairs.key, part, record, answer, agree, cluster FROM pairs JOIN rows USING (key)"  # noqa: S608
            f" WHERE part IN ({_numbers(parts)}) ORDER BY number, part, rows.rowid"
        )
        for _, rows in groupby(found, key=itemgetter(0)):
            own = list(rows)
            yield (
                own[0][1],
                [
                    PairedRow(
                        part=part,
                        record=json.loads(record),
                        answer=json.loads(answer),
                        must_agree=json.loads(agree),
                        group=group,
                    )
                    for _, _, part, record, answer, agree, group in own
                ],
            )

    def unpaired(self, part: Part) -> Iterator[str]:
        """Yield the keys of a part that not all parts have, in its order, after `pair`."""
        found = self._database.execute(
            "SELECT key FROM rows WHERE part = ? AND key NOT IN (SELECT key FROM pairs) GROUP BY key ORDER BY MIN(rowid)",
            (part.number,),
        )
        return (key for (key,) in found)

    def sample_keys(self, part: Part, most: int) -> list[str]:
        """Return the first keys of a part."""
        found = self._database.execute("SELECT key FROM rows WHERE part = ? LIMIT ?", (part.number, most))
        return [key for (key,) in found]

    def close(self) -> None:
        """Close the database."""
        self._database.close()


class Agreement:
    """Finds what differs under one key although it must be equal.

    Args:
        parts: The parts, by their numbers.
        allowed: The names of what may differ.
    """

    def __init__(self, parts: Mapping[int, Part], allowed: Collection[str]) -> None:
        self._parts = parts
        self._allowed = allowed
        self._counts: dict[str, int] = {}
        self._examples: dict[str, str] = {}
        self.allowed_counts: dict[str, int] = {}

    def check(self, key: str, rows: Sequence[PairedRow]) -> None:
        """Count what differs among the rows of one record."""
        seen: dict[str, tuple[str, int]] = {}
        differing: dict[str, str] = {}
        for row in rows:
            for name, value in row.must_agree.items():
                first, part = seen.setdefault(name, (value, row.part))
                if value != first and name not in differing:
                    differing[name] = self._example(key, (part, first), (row.part, value))
        for name, example in differing.items():
            counts = self.allowed_counts if is_allowed(name, self._allowed) else self._counts
            counts[name] = counts.get(name, 0) + 1
            if counts is self._counts:
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
        sides = " and ".join(f"{_cut(value)!r} in {self._parts[part].source_label}" for part, value in (first, other))
        return f"{_cut(key)!r} has {sides}"


def is_allowed(name: str, allowed: Collection[str]) -> bool:
    """Return whether something may differ: it, or its first word, was declared."""
    return name in allowed or declared_as(name) in allowed


def declared_as(name: str) -> str:
    """Return the word by which a difference is declared.

    >>> declared_as("grader of rougeL"), declared_as("prompt")
    ('grader', 'prompt')
    """
    return name.partition(" ")[0]


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _numbers(parts: Iterable[Part]) -> str:
    return ",".join(str(part.number) for part in parts)


def _values(part: Part, row: ImportedRow) -> tuple[Any, ...]:
    key = repaired(row.key.strip())
    if not key:
        message = f"row {part.rows + 1} of {part.source_label} has nothing to pair it by"
        raise DataError(message)
    agree = {repaired(name): repaired(value) for name, value in row.must_agree.items()}
    answer = _answer(part, row, key)
    return part.number, key, _encode(_record(row)), _encode(answer), _encode(agree), repaired(row.group)


def _record(row: ImportedRow) -> dict[str, Any]:
    record = {}
    for name, value in row.record.items():
        held = json_value(repaired(value) if isinstance(value, str) else value)
        if held is not NO_JSON:
            record[repaired(name)] = held
    return record


def _answer(part: Part, row: ImportedRow, key: str) -> dict[str, Any]:
    """Return the answer as JSON, and count its scores. One that could not be scored is as none."""
    if row.answer is None or (row.error and not row.answer.scores):
        return {
            "error": repaired(row.error) or "there is no answer",
            **({"is_missing": True} if row.is_missing else {}),
        }
    scores = {}
    for metric, score in row.answer.scores.items():
        if not isinstance(score, (int, float)) or not abs(score) <= _LARGEST:
            message = f"the score {metric!r} of {key!r} in {part.source_label} is {score!r}, not a finite number"
            raise DataError(message)
        scores[metric] = float(score)
        part.spreads.setdefault(metric, Spread()).add(float(score))
    fields = _fields(row.answer)
    part.fields |= fields.keys()
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
