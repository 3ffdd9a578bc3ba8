"""Answers test records from an index of recorded answers, and reports what did not match."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice

import attrs

from llmops_plugins.recorded.columns import HASH, ID, INPUT, RECORD_IDS
from llmops_plugins.recorded.file_options import RecordedModelOptions
from llmops_plugins.recorded.index import AnswerIndex, IndexedRow
from llmops_plugins.recorded.keys import hash_keys, id_key, input_keys
from llmops_sdk.plugin import Answer, DataError, Progress, Prompt, Record, RecordTransport, RequestError, id_text

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
        matches = _Matches(bytearray(self._index.rows))
        for record, prompt in chain(first, records):
            row = self._join.find(self._index, record, prompt)
            label = f"record {matches.total}"
            if row is None:
                matches.missing.add(f"{label}{self._named(record)}")
            else:
                matches.add(row, label, contradicts=_contradicts(self._index, self._join, row, record, prompt))
            matches.total += 1
        if matches.missing.count == matches.total:
            raise DataError(self._nothing_matches(first))
        details = self._details(matches)
        self._log.info("answers of %r: %s", self._file, details)
        self._show(matches)
        return details

    def answer(self, index: int, record: Record, prompt: Prompt) -> Answer:
        """Return the recorded answer."""
        row = self._join.find(self._index, record, prompt)
        if row is None:
            message = f"{self._file!r} has no answer for this record{self._named(record)}"
            raise RequestError(message, retryable=False, is_missing=True)
        try:
            return row.answer
        except RequestError as exc:
            message = f"{row.place} of {self._file!r}: {exc}"
            raise RequestError(message, retryable=False, is_missing=exc.is_missing) from exc

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

    def _details(self, matches: _Matches) -> dict[str, str]:
        """Return what the record keeps of the matches."""
        index = self._index
        details = {
            "answers_in": index.columns.answer,
            "scores_in": ", ".join(index.columns.scores.values()),
            "joined_by": f"{self._join.kind} ({index.columns.field_of_join(self._join.kind)})",
            "matched": f"{matches.total - matches.missing.count} of {matches.total} records",
            "without_answer": str(matches.missing),
            "rows_without_record": str(self._surplus(matches)),
            "rows_of_several_records": str(matches.shared),
            "other_input": str(matches.contradicted),
            "recorded_models": ", ".join(f"{name} ({count})" for name, count in index.models.most_common(_LISTED)),
        }
        return {name: text for name, text in details.items() if text}

    def _show(self, matches: _Matches) -> None:
        """Show what does not match."""
        missing, surplus, contradicted = matches.missing, self._surplus(matches), matches.contradicted
        if missing.count:
            self._progress.log(
                f"{self._file}: {missing.count} of {matches.total} records have no answer: {missing.listed}"
            )
        if surplus.count:
            rows = f"{surplus.count} of {self._index.rows} rows"
            self._progress.log(f"{self._file}: {rows} belong to no test record: {surplus.listed}")
        if contradicted.count:
            field = self._index.columns.field_of_join(self._join.kind)
            self._progress.log(
                f"warning: {self._file}: {contradicted.count} answers joined by {field!r} were given to another input:"
                f" {contradicted.listed}; is it the same ID?"
            )

    def _surplus(self, matches: _Matches) -> _Listed:
        """Return the rows that belong to no test record; none of a file that other datasets share."""
        if self._options.shared:
            return _Listed()
        unused = (number for number, is_used in enumerate(matches.used) if not is_used)
        first = self._index.rows_at(islice(unused, _LISTED))
        return _Listed(matches.used.count(0), [f"{row.place} ({row.label})" for row in first])

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


def choose_join(index: AnswerIndex, options: RecordedModelOptions, asked: Sequence[Asked]) -> Join:
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


def _agreeing(index: AnswerIndex, join: Join, asked: Sequence[Asked]) -> int:
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
        return f"{self.count}: {self.listed}" if self.count else ""


@attrs.define
class _Matches:
    """What became of the test records and of the rows.

    Attributes:
        used: A byte for each row: 1 if it answers a test record.
        total: Test records.
        missing: Those without a row.
        shared: Those whose row answers an earlier one too.
        contradicted: Those whose row was given to another input.
    """

    used: bytearray
    total: int = 0
    missing: _Listed = attrs.field(factory=_Listed)
    shared: _Listed = attrs.field(factory=_Listed)
    contradicted: _Listed = attrs.field(factory=_Listed)

    def add(self, row: IndexedRow, label: str, *, contradicts: bool) -> None:
        """Add a record that has a row."""
        if self.used[row.number]:
            self.shared.add(f"{label} and {row.place}")
        if contradicts:
            self.contradicted.add(f"{label} and {row.place}")
        self.used[row.number] = 1
