"""Answers test records from an index of recorded answers, and reports what did not match."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice

import attrs

from llmops_plugins.recorded.columns import HASH, ID, INPUT, RECORD_IDS
from llmops_plugins.recorded.file_options import RecordedModelOptions
from llmops_plugins.recorded.index import AnswerIndex, IndexedRow
from llmops_plugins.recorded.keys import hash_keys, id_key, id_text, input_keys
from llmops_sdk.plugin import Answer, DataError, Progress, Prompt, Record, RecordTransport, RequestError

_COMPARED = 1_000
"""Test records by which the join is chosen."""

_LISTED = 3
_SHOWN = 60

Asked = tuple[Record, Prompt]
"""A test record, and its prompt."""


@attrs.frozen
class Join:
    """How answers are found.

    Attributes:
        kind: The kind of key.
        field: The record's field with the ID; empty where it is not joined by one.
    """

    kind: str
    field: str = ""

    def find(self, index: AnswerIndex, record: Record, prompt: Prompt) -> IndexedRow | None:
        """Return the row with a record's answer, or None."""
        return index.find(self.kind, self._keys(record, prompt))

    def _keys(self, record: Record, prompt: Prompt) -> Iterator[bytes]:
        if self.kind == ID:
            key = id_key(record.get(self.field))
            return iter((key,) if key else ())
        return hash_keys(record, prompt) if self.kind == HASH else input_keys(record, prompt)


class RecordedTransport(RecordTransport):
    """Answers from an index.

    Args:
        index: The index of the file; `close` deletes it.
        options: Which fields hold what.
        file: The file's name, for messages.
        log: The step's log.
        progress: Where what does not match is shown.
    """

    def __init__(
        self, index: AnswerIndex, options: RecordedModelOptions, file: str, log: logging.Logger, progress: Progress
    ) -> None:
        self._index = index
        self._options = options
        self._file = file
        self._log = log
        self._progress = progress
        self._join = Join(index.kinds[0], options.record_id or options.id)

    def match(self, asked: Iterable[Asked]) -> Mapping[str, str]:
        """Choose what the answers are joined by, and count and list what has no answer and what answers nothing.

        Raises:
            DataError: Two rows have different answers for one record, or no record has an answer.
        """
        records = iter(asked)
        first = list(islice(records, _COMPARED))
        self._join = choose_join(self._index, self._options, first)
        if self._join.kind in self._index.clashes:
            raise DataError(clash_message(self._index, self._join.kind, self._file))
        used, total, missing, contradicted = bytearray(self._index.rows), 0, _Listed(), _Listed()
        for total, (record, prompt) in enumerate(chain(first, records), start=1):
            row = self._join.find(self._index, record, prompt)
            if row is None:
                missing.add(f"record {total - 1}{self._named(record)}")
            else:
                used[row.number] = 1
                if _contradicts(self._index, self._join, row, record, prompt):
                    contradicted.add(f"record {total - 1} and {row.place}")
        matched = total - missing.count
        if not matched:
            raise DataError(self._nothing_matches(first))
        return self._report(matched, total, missing, contradicted, used)

    def answer(self, index: int, record: Record, prompt: Prompt) -> Answer:
        """Return the recorded answer."""
        row = self._join.find(self._index, record, prompt)
        if row is None:
            message = f"{self._file!r} has no answer for this record{self._named(record)}"
            raise RequestError(message, retryable=False)
        try:
            return row.answer
        except RequestError as exc:
            message = f"{row.place} of {self._file!r}: {exc}"
            raise RequestError(message, retryable=False) from exc

    def close(self) -> None:
        """Delete the index."""
        self._index.close()

    def _nothing_matches(self, first: list[Asked]) -> str:
        columns = self._index.columns
        (row,) = self._index.rows_at(iter((0,)))
        own = " ".join(
            str(first[0][0].get(self._join.field) if self._join.kind == ID else first[0][0].get("instruction")).split()
        )
        field = columns.field_of_join(self._join.kind)
        return (
            f"no test record has an answer in {self._file!r}, joined by {field!r}: the first record has {own[:_SHOWN]!r}, the"
            f" first row {row.label!r}; name other fields with id: NAME, record_id: NAME or input: NAME"
        )

    def _report(
        self, matched: int, total: int, missing: _Listed, contradicted: _Listed, used: bytearray
    ) -> dict[str, str]:
        index, columns = self._index, self._index.columns
        surplus = used.count(0)
        numbers = islice((number for number, is_used in enumerate(used) if not is_used), _LISTED)
        rows = [f"{row.place} ({row.label})" for row in index.rows_at(numbers)]
        field = columns.field_of_join(self._join.kind)
        details = {
            "answers_in": columns.answer,
            "joined_by": f"{self._join.kind} ({field})",
            "matched": f"{matched} of {total} records",
            "without_answer": str(missing) if missing.count else "",
            "rows_without_record": f"{surplus}: {', '.join(rows)}{', ...' if surplus > len(rows) else ''}"
            if surplus
            else "",
            "other_input": str(contradicted) if contradicted.count else "",
            "recorded_models": ", ".join(f"{name} ({count})" for name, count in index.models.most_common(_LISTED)),
        }
        shown = {name: text for name, text in details.items() if text}
        self._log.info("answers of %r: %s", self._file, shown)
        if missing.count:
            self._progress.log(f"{self._file}: {missing.count} of {total} records have no answer: {missing.listed}")
        if surplus:
            self._progress.log(
                f"{self._file}: {surplus} of {index.rows} rows belong to no test record: {', '.join(rows)}"
            )
        if contradicted.count:
            self._progress.log(
                f"warning: {self._file}: {contradicted.count} answers joined by {field!r} were given to another input:"
                f" {contradicted.listed}; is it the same ID?"
            )
        return shown

    def _named(self, record: Record) -> str:
        if self._join.kind == ID:
            return f" ({self._join.field} {id_text(record.get(self._join.field)) or 'missing'})"
        text = " ".join(str(record.get("instruction", "")).split())
        return f" ({text[:_SHOWN]!r})" if text else ""


def clash_message(index: AnswerIndex, kind: str, file: str) -> str:
    """Return the message that two rows answer one record differently: which ones, and how to fix it."""
    clash = index.clashes[kind]
    models = [name for name, _ in index.models.most_common(_LISTED)]
    hint = "remove one of them"
    if len(models) > 1:
        names = ", ".join(models)
        hint = f"the file has answers of several models ({names}): choose one with filter: {{{index.columns.model}: {models[0]}}}"
    places = (
        f"{clash.first} of {file!r} has"
        if clash.first == clash.second
        else f"{clash.first} and {clash.second} of {file!r} have"
    )
    return f"{places} different answers for {clash.label!r}: {hint}"


def choose_join(index: AnswerIndex, options: RecordedModelOptions, asked: list[Asked]) -> Join:
    """Return the join by which most of some records have an answer; of equals, the most exact kind.

    An ID does not count where the record's input is that of another row with another answer: both sides have IDs, but
    not of the same things. A kind with two answers for one key is taken only if no other finds anything.
    """
    field = options.record_id or _id_field(index, [record for record, _ in asked])
    joins = [Join(kind, field if kind == ID else "") for kind in index.kinds]
    counts = {join.kind: _agreeing(index, join, asked) for join in joins}
    sound = [join for join in joins if join.kind not in index.clashes and counts[join.kind]]
    return max(sound or joins, key=lambda join: counts[join.kind])


def _id_field(index: AnswerIndex, records: list[Record]) -> str:
    """Return the record's field with the ID: the one of the same name, or the first with a usual name."""
    own = index.columns.id
    names = (own, own.rpartition(".")[2], *RECORD_IDS)
    return next((name for name in names if any(name in record for record in records)), own)


def _agreeing(index: AnswerIndex, join: Join, asked: list[Asked]) -> int:
    count = 0
    for record, prompt in asked:
        row = join.find(index, record, prompt)
        count += row is not None and not _contradicts(index, join, row, record, prompt)
    return count


def _contradicts(index: AnswerIndex, join: Join, row: IndexedRow, record: Record, prompt: Prompt) -> bool:
    """Return whether a row found by its ID is not the one with the record's input, and has another answer."""
    if join.kind != ID or INPUT not in index.kinds or INPUT in index.clashes:
        return False
    other = Join(INPUT).find(index, record, prompt)
    return other is not None and other.number != row.number and not other.agrees_with(row)


@attrs.define
class _Listed:
    """Counts things, and names the first of them."""

    count: int = 0
    names: list[str] = attrs.field(factory=list)

    def add(self, name: str) -> None:
        self.count += 1
        if len(self.names) < _LISTED:
            self.names.append(name)

    @property
    def listed(self) -> str:
        return ", ".join(self.names) + (", ..." if self.count > len(self.names) else "")

    def __str__(self) -> str:
        return f"{self.count}: {self.listed}"
