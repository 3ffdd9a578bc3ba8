"""Grades that come back: sheets with a grade in each row, read, checked and put into the record of their run."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from llmops_sdk.data.files.delimited import DelimitedRows, find_separator
from llmops_sdk.errors import DataError, SpecError
from llmops_sdk.pipeline.grading.sheet import Secret, answer_id, check_board, drawing_order, is_answer_id, read_secret
from llmops_sdk.record.run import Run
from llmops_sdk.steps.cell.grades import write_grades
from llmops_sdk.values.data import Record
from llmops_sdk.values.grades import Grade, Grades
from llmops_sdk.values.results import Results
from llmops_sdk.values.scores import Metric

_FEWEST_TO_VARY = 10
"""Grades of one person from which one and the same grade is refused."""
_SAMPLE = 1 << 16


def import_grades(run: Run, paths: Sequence[Path]) -> Grades:
    """Read graded sheets, and write their grades into the run's record; earlier grades are replaced.

    A file is one person's, who is called like the file, unless it has a column `grader`.

    Raises:
        SpecError: The run has no sheet.
        DataError: A file cannot be read, or a grade in it cannot be right; nothing is written.
    """
    secret = read_secret(run)
    if secret is None:
        message = f"run {run.id!r} has no sheet to grade; write one with: llmops grade {run.id} --n 50"
        raise SpecError(message)
    results = run.results()
    rows = _rows_by_id(secret, results)
    graded: dict[str, Metric] = {}
    grades: dict[tuple[str, str, int, str], Grade] = {}
    for path in paths:
        for where, metric, grade in _read(path, rows, run.id):
            graded[metric.name] = metric
            if len(graded) > 1:
                message = f"{where}: the sheets are of two metrics, {' and '.join(graded)}: read those of one at a time"
                raise DataError(message)
            key = (grade.dataset, grade.candidate, grade.record, grade.grader)
            if key in grades and grades[key] != grade:
                message = (
                    f"{where}: {grade.grader!r} graded this answer twice: {grades[key].value:g} and {grade.value:g}"
                )
                raise DataError(message)
            grades[key] = grade
    if not grades:
        message = f"there is no grade in {', '.join(map(str, paths))}: write them into the column 'grade'"
        raise DataError(message)
    _check_variety(list(grades.values()), paths)
    imported = Grades(next(iter(graded)), _offered(secret, results, list(grades.values())), tuple(grades.values()))
    write_grades(run, imported)
    return imported


def has_grades(path: Path) -> bool:
    """Whether a file is a sheet with a grade in it, or is none that can be read: it may be anything then."""
    try:
        return any(row["grade"].strip() for _, row in _sheet_rows(path))
    except DataError:
        return True


def _rows_by_id(secret: Secret, results: Results) -> dict[str, tuple[Metric, Grade]]:
    """Return what each ID of the run's sheets means: the metric that is graded, and a grade without a value."""
    boards = [check_board(board) for board in results.leaderboards if board.cells]
    metrics = [metric for info in results.evaluators for metric in info.metrics if metric.bounds]
    return {
        answer_id(secret, metric.name, board.dataset, cell.candidate, index): (
            metric,
            Grade(board.dataset, cell.candidate, index, "", math.nan),
        )
        for metric in metrics
        for board in boards
        for cell in board.cells
        for index in range(cell.records)
    }


def _read(path: Path, rows: Mapping[str, tuple[Metric, Grade]], run_id: str) -> Iterator[tuple[str, Metric, Grade]]:
    """Yield the grades of a file, each with its place and metric; rows without a grade are skipped."""
    for line, row in _sheet_rows(path):
        where = f"{path}, line {line}"
        name, text = row["id"].strip(), row["grade"].strip()
        if not text:
            continue
        if name not in rows:
            raise DataError(f"{where}: {_unknown(name, run_id)}")  # noqa: TRY003, EM102 - one place, two reasons
        metric, grade = rows[name]
        grader = row.get("grader", "").strip() or path.stem
        yield where, metric, attrs.evolve(grade, grader=grader, value=_grade(text, metric, where))


def _sheet_rows(path: Path) -> Iterator[tuple[int, Record]]:
    """Yield the rows of a sheet, each with the line it starts on."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        message = f"there is no file {str(path)!r}"
        raise DataError(message) from None
    except UnicodeDecodeError:
        message = f"{path} is not UTF-8 text: save the sheet as CSV in UTF-8"
        raise DataError(message) from None
    for line, row in DelimitedRows(str(path), find_separator(text[:_SAMPLE])).read(io.StringIO(text, newline="")):
        missing = [name for name in ("id", "grade") if name not in row]
        if missing:
            message = f"{path} has no column {missing[0]!r}: it must be a sheet that llmops grade wrote"
            raise DataError(message)
        yield line, row


def _unknown(name: str, run_id: str) -> str:
    if is_answer_id(name):
        return f"the answer {name!r} is not in run {run_id!r}: the sheet is that of another run"
    return f"the ID {name!r} was changed; IDs must stay as llmops grade wrote them"


def _grade(text: str, metric: Metric, where: str) -> float:
    low, high = metric.bounds or (-math.inf, math.inf)
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        message = f"{where}: the grade {text!r} is not a number from {low:g} to {high:g}"
        raise DataError(message)
    return value


def _check_variety(grades: Sequence[Grade], paths: Sequence[Path]) -> None:
    """Refuse a person who gave one grade to everything."""
    for grader in dict.fromkeys(grade.grader for grade in grades):
        values = [grade.value for grade in grades if grade.grader == grader]
        if len(values) >= _FEWEST_TO_VARY and len(set(values)) == 1:
            message = (
                f"{', '.join(map(str, paths))}: {grader!r} gave the grade {values[0]:g} to all {len(values)} answers, which "
                "shows no difference between them; leave these grades out, or have the answers graded again"
            )
            raise DataError(message)


def _offered(secret: Secret, results: Results, grades: Sequence[Grade]) -> dict[str, tuple[int, ...]]:
    """Return the records that were drawn, up to the last one with a grade."""
    offered = {}
    for board in results.leaderboards:
        graded = {grade.record for grade in grades if grade.dataset == board.dataset}
        if graded:
            order = drawing_order(secret, board)
            last = max(place for place, index in enumerate(order) if index in graded)
            offered[board.dataset] = tuple(sorted(order[: last + 1]))
    return offered
