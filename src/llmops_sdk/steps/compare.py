"""The `compare` step: put the cells of each dataset side by side, and conclude."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmops_sdk.steps.cell.clusters import read_clusters
from llmops_sdk.steps.cell.results import read_cell
from llmops_sdk.steps.execution import StepExecution, StepOutput
from llmops_sdk.values.artifacts import ResultsValue
from llmops_sdk.values.plan import Cell, CompareStep, ScoreStep
from llmops_sdk.values.results import EvaluatorInfo, FailedCell
from llmops_sdk.values.serial import digest, to_json
from llmops_sdk.values.step_records import Failed, StepRecord, Succeeded
from llmops_sdk.verdict.baseline import Baseline
from llmops_sdk.verdict.leaderboard import make_leaderboard

if TYPE_CHECKING:
    from numpy.typing import NDArray

METHOD = "sign flips, elimination"
"""How scores are compared; conclusions that another method made are not reused."""


def compare(execution: StepExecution, _step: CompareStep) -> StepOutput:
    """Write `results.json` from the record; cells without a result are in it with the step that failed."""
    run = execution.run
    records = {step.cell: run.record(step.name) for step in run.plan.steps if isinstance(step, ScoreStep)}
    datasets = [dataset.name for dataset in run.plan.datasets]
    conclusive = {cell: _conclusive(record) for cell, record in records.items()}
    address = f"results/{digest(METHOD, datasets, run.plan.metric, [run.plan.baseline, run.plan.margin], to_json(run.plan.cells), conclusive)}"
    built = execution.build_artifact(address, partial(_conclude, execution))
    run.write_results(built.artifact.read(ResultsValue))
    return StepOutput({"results": address}, built.cached)


def _conclusive(record: StepRecord | None) -> dict[str, object] | None:
    """Return what of a record can change the conclusion: not when or how fast the step ran."""
    if record is None:
        return None
    if isinstance(record, Succeeded):
        return {"artifacts": dict(record.artifacts)}
    return {"cause": record.cause, "error": record.error}


def _conclude(execution: StepExecution, _folder: Path) -> ResultsValue:
    plan = execution.run.plan
    evaluators: dict[str, EvaluatorInfo] = {}
    steps = {step.cell: step for step in plan.steps if isinstance(step, ScoreStep)}
    baseline = Baseline(plan.baseline, plan.margin) if plan.baseline and plan.margin else None
    boards = []
    for dataset in plan.datasets:
        columns, failed = [], []
        for cell in (cell for cell in plan.cells if cell.dataset == dataset.name):
            step = steps[cell.name]
            record = execution.run.record(step.name)
            if isinstance(record, Succeeded):
                cell_scores = read_cell(execution, cell, step, record)
                columns.append(cell_scores.column)
                for name, info in cell_scores.evaluators.items():
                    evaluators.setdefault(name, info)
            else:
                failed.append(_failed(execution, cell, step.name, record))
        metrics = {metric.name: metric for info in evaluators.values() for metric in info.metrics}
        clusters = _clusters(execution, dataset.name) if columns else None
        boards.append(make_leaderboard(dataset.name, plan.metric, columns, tuple(failed), metrics, clusters, baseline))
    return ResultsValue(tuple(boards), tuple(evaluators.values()))


def _clusters(execution: StepExecution, dataset: str) -> NDArray[Any] | None:
    with execution.splits(dataset) as splits:
        return read_clusters(splits)


def _failed(execution: StepExecution, cell: Cell, step: str, record: Failed | None) -> FailedCell:
    if record is None:
        return FailedCell(cell.name, cell.candidate, step, "it was not run")
    first = execution.run.record(record.cause)
    error = first.error if isinstance(first, Failed) else record.error
    return FailedCell(cell.name, cell.candidate, record.cause, error)
