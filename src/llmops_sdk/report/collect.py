"""From a run's record to its report: reads the record and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timezone
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.record.costs.spending import spending_line
from llmops_sdk.record.layout import REPORT, SPECIFICATION
from llmops_sdk.record.run import Run
from llmops_sdk.report.data import DatasetInfo, ReportData, StepInfo, StepStatus
from llmops_sdk.report.numbers import duration
from llmops_sdk.report.records.kept import KeptRecords
from llmops_sdk.report.render import render_report, write_report
from llmops_sdk.steps.resources import how_to_remove
from llmops_sdk.values.boards import all_boards
from llmops_sdk.values.data import DatasetSplits
from llmops_sdk.values.functions import shown_options
from llmops_sdk.values.generation_options import describe_exceptions
from llmops_sdk.values.plan import Plan, PlannedModel, Step
from llmops_sdk.values.planned_prompt import PlannedPrompt
from llmops_sdk.values.prompts import FunctionTemplate, TextTemplate
from llmops_sdk.values.results import Results
from llmops_sdk.values.samples import Sample
from llmops_sdk.values.serial import to_json
from llmops_sdk.values.step_records import Failed, Succeeded

_WITHOUT_CONTEXT = "[records without a context]"


@attrs.frozen
class CellSamples:
    """The samples of a cell, read again from the run's record each time.

    Attributes:
        run: The run.
        cell: The cell.
    """

    run: Run
    cell: str

    def __iter__(self) -> Iterator[Sample]:
        """Yield the samples in the order of the test split.

        Raises:
            RecordError: They are damaged, and so is the artifact.
        """
        return self.run.samples(self.cell)


def report_run(run: Run, path: Path | None = None) -> str:
    """Write the report of a run, and return where it is.

    Args:
        run: A run with results.
        path: The file; by default `report.html` in the run's record.

    Raises:
        RunNotFoundError: The run has no results yet.
    """
    data = collect(run)
    if path is not None:
        return str(write_report(data, path))
    run.put(REPORT, render_report(data).encode())
    return run.locate(REPORT)


def collect(run: Run) -> ReportData:
    """Gather from a run's record all that its report shows."""
    plan, results = run.plan, _results(run)
    cells = [part.cell for board in all_boards(results) for cell in board.cells for part in cell.parts]
    specification = run.read(SPECIFICATION)
    return ReportData(
        results=results,
        metadata=_metadata(run),
        specification=specification.decode(errors="replace") if specification else "",
        datasets=tuple(_datasets(run)),
        prompts={} if plan.is_imported else {prompt.name: _prompt_text(prompt) for prompt in plan.prompts},
        generation={}
        if plan.is_imported
        else {name: _plain(value) for name, value in to_json(plan.generation).items()},
        varies={model.name: text for model in plan.model_by_name.values() if (text := _exceptions(plan, model))},
        steps=tuple(_step(run, step) for step in plan.steps),
        samples={cell: CellSamples(run, cell) for cell in cells},
        kept=KeptRecords(run),
    )


def _results(run: Run) -> Results:
    """Return the results; of imported ones without the models and prompts, which only the plan needs."""
    results = run.results()
    if not run.plan.is_imported:
        return results
    boards = (
        attrs.evolve(board, cells=tuple(attrs.evolve(cell, model="", prompt="") for cell in board.cells))
        for board in results.leaderboards
    )
    return attrs.evolve(results, leaderboards=tuple(boards))


def _metadata(run: Run) -> dict[str, str]:
    created = run.metadata.created_at
    records = [record for step in run.plan.steps if (record := run.record(step.name)) is not None]
    kept = [
        f"{entry.resource.kind} {entry.resource.name}" for entry in run.ledger() if entry.kept and not entry.deleted
    ]
    ended = max((record.at + record.seconds for record in records), default=created.timestamp())
    return {
        "run": run.id,
        **({"rescored from": run.metadata.based_on} if run.metadata.based_on else {}),
        "started": f"{created.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC",
        "duration": duration(max(0.0, ended - created.timestamp())),
        "executor": run.plan.executor.use,
        "machine": run.metadata.machine,
        "llmops-sdk": run.metadata.version,
        "python": run.metadata.python,
        "plan": run.plan.hash[:12],
        "plugins": ", ".join(f"{pin.name} {pin.version}".strip() for pin in run.plan.plugins),
        **({"cost": cost} if (cost := spending_line(run)) else {}),
        **({"still billed": f"{', '.join(kept)}; delete it with: {how_to_remove(run.id)}"} if kept else {}),
        **run.metadata.details,  # what the executor adds: what a rehearsal substitutes
    }


def _datasets(run: Run) -> Iterator[DatasetInfo]:
    for dataset in run.plan.dataset_by_name.values():
        record = run.record(f"prepare.{dataset.name}")
        artifact = run.artifact(record.artifacts["data"]) if isinstance(record, Succeeded) else None
        if artifact is None:
            continue
        splits: DatasetSplits = artifact.read(DatasetSplits)
        options = {
            name: _plain(value) for name, value in shown_options(dataset.options).items() if value not in ("", None, {})
        }
        source = {"use": dataset.use, **options, **splits.source}
        yield DatasetInfo(dataset.name, source, splits.train.records, splits.test.records)


def _step(run: Run, step: Step) -> StepInfo:
    record = run.record(step.name)
    kind = type(step).__name__.removesuffix("Step").lower()
    if isinstance(record, Failed):
        status: StepStatus = "failed" if record.cause == record.step else "skipped"
        return StepInfo(step.name, kind, status, record.seconds, record.error)
    if isinstance(record, Succeeded):
        done: StepStatus = "cached" if record.cached else "succeeded"
        return StepInfo(step.name, kind, done, record.seconds, reason=record.reason)
    # The report may be written before the run has ended.
    return StepInfo(step.name, kind, "pending")


def _exceptions(plan: Plan, model: PlannedModel) -> str:
    is_asked_once = model.repeats < plan.generation.repeats
    once = ["each record asked once: its answers are always the same"] if is_asked_once else []
    return ", ".join([*([describe_exceptions(model.varies)] if model.varies else []), *once])


def _prompt_text(prompt: PlannedPrompt) -> str:
    retrieved = [f"[added to each record: {each}]" for each in (prompt.examples, prompt.retrieve) if each]
    return "\n\n".join([*retrieved, _template_text(prompt.template)])


def _template_text(template: Any) -> str:
    if isinstance(template, FunctionTemplate):
        return template.function.files[template.function.file]
    if isinstance(template, TextTemplate):
        forms = [template.prompt, *([template.without_context] if template.without_context else [])]
        texts = [f"{form}{template.response_key}{template.completion}" for form in forms]
        return f"\n\n{_WITHOUT_CONTEXT}\n\n".join(texts)
    return "\n\n".join(
        [*(f"[{m['role']}] {m['content']}" for m in template.messages), f"[assistant] {template.completion}"]
    )


def _plain(value: Any) -> str:
    if value in ([], {}, None):
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
