"""The sheet that people grade: answers of all candidates to records drawn by chance, without their names.

The records are drawn in an order that a secret of the run fixes, so a longer sheet starts with the records of a shorter one.
A row is named by a hash of the secret and of what it is: the file alone does not show whose answer it is.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, zip_longest
from typing import Any

import attrs

from llmops_sdk.errors import SpecError, did_you_mean
from llmops_sdk.record.files import read_value, sealed
from llmops_sdk.record.layout import RunLayout
from llmops_sdk.record.run import Run
from llmops_sdk.values.data import Record
from llmops_sdk.values.results import Leaderboard, Results
from llmops_sdk.values.scores import Metric
from llmops_sdk.values.serial import to_json

SHEET = "grading.json"
"""The file of a run with the secret of its sheets."""

COLUMNS = ("id", "question", "reference", "answer", "grade")

_ID, _CHECK = 10, 2
_LETTERS = str.maketrans("0123456789", "ghijklmnop")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_REFERENCE = "response"


@attrs.frozen
class Secret:
    """What the sheets of a run are made with: the value of `grading.json`."""

    salt: str


@attrs.frozen
class Row:
    """An answer to grade.

    Attributes:
        id: What stands in the sheet in the place of the candidate and the record.
        question: What the candidates were asked, as the record has it: prompts would give them away.
        reference: The record's reference, or empty.
        answer: The answer.
    """

    id: str
    question: str
    reference: str
    answer: str


@attrs.frozen
class Sheet:
    """The answers that people grade.

    Attributes:
        rows: A row for each answer; all answers to a record stand together.
        records: The number of records.
        metric: The metric that people grade in the place of; its bounds are the scale.
    """

    rows: tuple[Row, ...]
    records: int
    metric: Metric


def make_sheet(run: Run, answers: int, metric: str = "") -> Sheet:
    """Return the sheet of a finished run, with about this many answers: every candidate's to as many records as it takes.

    Args:
        run: The run.
        answers: The number of answers to grade, rounded up to complete records.
        metric: The metric that people grade in the place of; by default the one that decides.

    Raises:
        RunNotFoundError: The run has no results yet.
        SpecError: There is no such metric, or it has no scale; or the run cannot be graded.
    """
    results = run.results()
    graded = _gradeable(run, results, metric or run.plan.metric)
    boards = [check_board(board) for board in results.leaderboards if board.cells]
    secret = _open_secret(run)
    drawn = chain.from_iterable(
        zip_longest(*([(board, index) for index in drawing_order(secret, board)] for board in boards))
    )
    chosen: dict[str, list[int]] = {board.dataset: [] for board in boards}
    left = answers
    for one in drawn:
        if left <= 0:
            break
        if one is not None:
            board, index = one
            chosen[board.dataset].append(index)
            left -= len(board.cells)
    rows = [
        row
        for board in boards
        for row in _rows(run, partial(answer_id, secret, graded.name, board.dataset), board, chosen[board.dataset])
    ]
    if not rows:
        message = f"run {run.id!r} has no answer to grade"
        raise SpecError(message)
    return Sheet(tuple(rows), sum(map(len, chosen.values())), graded)


def read_secret(run: Run) -> Secret | None:
    """Return what the sheets of a run are made with, or None before the first one.

    Raises:
        RecordError: The file is damaged.
    """
    secret: Secret | None = read_value(run.store, RunLayout(run.id).file(SHEET), Secret)
    return secret


def check_board(board: Leaderboard) -> Leaderboard:
    """Return a leaderboard whose answers can be graded.

    Raises:
        SpecError: Its candidates were trained with several seeds, or stopped at planned looks.
    """
    if any(cell.checkpoints for cell in board.cells):
        message = f"the candidates on {board.dataset!r} were trained with several seeds: such a run cannot be graded"
        raise SpecError(message)
    if board.looks:
        message = f"the candidates on {board.dataset!r} were not all asked the same records (stop_early): such a run cannot be graded"
        raise SpecError(message)
    return board


def drawing_order(secret: Secret, board: Leaderboard) -> list[int]:
    """Return the places of all records of a dataset in the order in which they are drawn."""
    records = max(cell.records for cell in board.cells)
    return sorted(range(records), key=lambda index: _hash(secret.salt, board.dataset, index))


def answer_id(secret: Secret, metric: str, dataset: str, candidate: str, record: int) -> str:
    """Return the ID of a row; its last letters follow from the others, so that an edited one is found."""
    body = _hash(secret.salt, metric, dataset, candidate, record)[:_ID]
    return body + _hash(body)[:_CHECK]


def is_answer_id(text: str) -> bool:
    """Whether a text is an ID of some sheet, as it was written."""
    body, check = text[:_ID], text[_ID:]
    return len(body) == _ID and _hash(body)[:_CHECK] == check


def sheet_csv(sheet: Sheet) -> str:
    """Return the sheet as CSV; a text that a spreadsheet would run as a formula has an apostrophe before it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in sheet.rows:
        writer.writerow([row.id, *(_harmless(text) for text in (row.question, row.reference, row.answer)), ""])
    return out.getvalue()


def _gradeable(run: Run, results: Results, name: str) -> Metric:
    """Return a metric that people can grade in the place of."""
    metrics = {each.name: each for info in results.evaluators for each in info.metrics}
    if name not in metrics:
        message = f"run {run.id!r} has no metric {name!r}{did_you_mean(name, metrics)}"
        raise SpecError(message)
    if metrics[name].bounds is None:
        message = f"metric {name!r} has no bounds, and so no scale for grades; choose one that has, with --metric"
        raise SpecError(message)
    return metrics[name]


def _open_secret(run: Run) -> Secret:
    """Return what the sheets of a run are made with; made at the first time."""
    secret = read_secret(run)
    if secret is None:
        secret = Secret(secrets.token_hex(16))
        run.put(SHEET, sealed(to_json(secret)))
    return secret


def _rows(run: Run, name: Callable[[str, int], str], board: Leaderboard, chosen: Sequence[int]) -> Iterator[Row]:
    """Yield the rows of a dataset: record by record as drawn, the candidates of each in an order of its own."""
    places = set(chosen)
    by_record: dict[int, list[Row]] = {index: [] for index in chosen}
    for cell in board.cells:
        for sample in run.samples(cell.cell):
            if sample.index in places and sample.repeat == 0 and sample.output:
                row = Row(name(cell.candidate, sample.index), *_texts(sample.record), sample.output)
                by_record[sample.index].append(row)
    for index in chosen:
        yield from sorted(by_record[index], key=lambda row: row.id)


def _texts(record: Record) -> tuple[str, str]:
    """Return the question and the reference of a record."""
    fields = {name: value for name, value in record.items() if name != _REFERENCE and value not in ("", None)}
    question = "\n\n".join(f"{name}: {_text(value)}" for name, value in fields.items())
    return question, _text(record.get(_REFERENCE, ""))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _hash(*parts: object) -> str:
    """Return a hash in letters alone: a spreadsheet makes a number of 12e456."""
    return hashlib.sha256(json.dumps(parts).encode("ascii")).hexdigest().translate(_LETTERS)
