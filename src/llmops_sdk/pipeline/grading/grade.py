"""`grade`: write the sheet of a run for people, and conclude again when its grades come back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from llmops_sdk.errors import DataError, RunNotFoundError, SpecError
from llmops_sdk.pipeline.execution import open_runtime
from llmops_sdk.pipeline.grading.grades import has_grades, import_grades
from llmops_sdk.pipeline.grading.page import sheet_page
from llmops_sdk.pipeline.grading.sheet import Sheet, make_sheet, sheet_csv
from llmops_sdk.pipeline.reporting import call_reporters
from llmops_sdk.pipeline.result import Result
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.progress import Progress
from llmops_sdk.record.layout import RunLayout
from llmops_sdk.record.run import Run
from llmops_sdk.steps.cell.grades import GRADES
from llmops_sdk.steps.step import run_step
from llmops_sdk.values.plan import CompareStep
from llmops_sdk.values.step_records import Failed, StepRecord


def write_sheet(run: Run, answers: int, path: Path, *, metric: str = "") -> Sheet:
    """Write the sheet of a run as CSV, and as a page beside it with the ending `.html`.

    Args:
        run: A finished run.
        answers: The number of answers to grade.
        path: The CSV file.
        metric: The metric that people grade in the place of; by default the one that decides.

    Raises:
        SpecError: The run cannot be graded, the metric has no scale, or the file has grades already.
    """
    if path.exists() and has_grades(path):
        message = f"{path} has grades in it, and is not overwritten: name another file with --output"
        raise SpecError(message)
    sheet = make_sheet(run, answers, metric)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(sheet_csv(sheet), encoding="utf-8-sig", newline="")
    path.with_suffix(".html").write_text(sheet_page(sheet, path.stem), encoding="utf-8")
    return sheet


def read_sheets(run: Run, paths: Sequence[Path], *, progress: Progress | None = None) -> Result:
    """Put the grades of some files into the run's record, and conclude and report again.

    Raises:
        DataError: A grade cannot be right; nothing changes.
        RunNotFoundError: The run is not finished.
    """
    compare = next(step.name for step in run.plan.steps if isinstance(step, CompareStep))
    unfinished = [step.name for step in run.plan.steps if run.record(step.name) is None]
    if unfinished:
        message = f"run {run.id!r} is not finished: step {unfinished[0]!r} is pending; finish it with: llmops run --resume {run.id}"
        raise RunNotFoundError(message)
    earlier, record = run.read(GRADES), run.record(compare)
    import_grades(run, paths)
    with open_runtime(Registry.load(), offline=True, progress=progress) as runtime:
        run.clear_record(compare)
        concluded = run_step(run, compare, runtime)
        if isinstance(concluded, Failed):
            _put_back(run, earlier, record)
            message = f"the grades of run {run.id!r} cannot be used: {concluded.error}"
            raise DataError(message)
        call_reporters(run, runtime)
    return Result(run)


def _put_back(run: Run, grades: bytes | None, record: StepRecord | None) -> None:
    if grades is None:
        run.store.delete(RunLayout(run.id).file(GRADES))
    else:
        run.put(GRADES, grades)
    if record is not None:
        run.write_record(record)
