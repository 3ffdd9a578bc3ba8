"""The `look` step: compare the candidates on the records that were asked so far, and stop those that are worse."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from llmops_sdk.steps.cell.clusters import read_clusters
from llmops_sdk.steps.cell.looks import planned_looks, read_stopped
from llmops_sdk.steps.cell.results import conclusive, read_cell
from llmops_sdk.steps.execution import StepExecution, StepOutput
from llmops_sdk.values.artifacts import LookValue
from llmops_sdk.values.plan import Cell, LookStep, ScoreStep
from llmops_sdk.values.serial import digest, to_json
from llmops_sdk.values.step_records import Succeeded
from llmops_sdk.verdict.looks import find_worse

METHOD = "sign flips, elimination, O'Brien-Fleming"
"""How candidates are compared; decisions that another method made are not reused."""


def look(execution: StepExecution, step: LookStep) -> StepOutput:
    """Decide which candidates are asked no more: those that are worse, and one that has no other left."""
    run, plan = execution.run, execution.run.plan
    records = {cell: conclusive(run.record(score.name)) for cell, score in _score_steps(execution, step).items()}
    decided_by = (
        METHOD,
        plan.metric,
        plan.looks,
        step.look,
        to_json(plan.cells),
        read_stopped(run, step.look),
        records,
    )
    address = f"looks/{digest(*decided_by)}"
    built = execution.build_artifact(address, partial(_decide, execution, step))
    value: LookValue = built.artifact.read(LookValue)
    for line in _lines(execution, step, value):
        execution.runtime.progress.log(line)
    return StepOutput({"look": address}, built.cached)


def _decide(execution: StepExecution, step: LookStep, _folder: Path) -> LookValue:
    plan = execution.run.plan
    stopped = dict(read_stopped(execution.run, step.look))
    for dataset in plan.datasets:
        cells = [cell for cell in plan.cells if cell.dataset == dataset.name and cell.name not in stopped]
        worse = _find_worse(execution, step, cells)
        left = [cell for cell in cells if cell.candidate not in worse]
        ended = cells if worse and len(left) == 1 else [cell for cell in cells if cell.candidate in worse]
        stopped |= {cell.name: step.look for cell in ended}
    return LookValue(stopped)


def _find_worse(execution: StepExecution, step: LookStep, cells: list[Cell]) -> tuple[str, ...]:
    """Return the candidates that are worse, of the cells of one dataset; a cell that failed is not one of them."""
    steps = _score_steps(execution, step)
    records = [(cell, execution.run.record(steps[cell.name].name)) for cell in cells]
    scored = [(cell, record) for cell, record in records if isinstance(record, Succeeded)]
    if len(scored) < 2:  # noqa: PLR2004 - a comparison takes two
        return ()
    with execution.splits(cells[0].dataset) as splits:
        looks, clusters = planned_looks(splits, execution.run.plan.looks), read_clusters(splits).labels
    asked = looks.records(step.look)
    read = [read_cell(execution, cell, steps[cell.name], record, asked) for cell, record in scored]
    metrics = {metric.name: metric for each in read for info in each.evaluators.values() for metric in info.metrics}
    columns = [each.column for each in read]
    return find_worse(columns, metrics[execution.run.plan.metric], looks, step.look, clusters)


def _score_steps(execution: StepExecution, step: LookStep) -> dict[str, ScoreStep]:
    """Return the `score` steps of this look, by their cells."""
    steps = execution.run.plan.steps
    return {score.cell: score for score in steps if isinstance(score, ScoreStep) and score.look == step.look}


def _lines(execution: StepExecution, step: LookStep, value: LookValue) -> Iterator[str]:
    """Yield a line for each dataset on which a candidate stopped at this look."""
    plan = execution.run.plan
    for dataset in plan.datasets:
        cells = [cell for cell in plan.cells if cell.dataset == dataset.name]
        stopped = [cell.candidate for cell in cells if value.stopped.get(cell.name) == step.look]
        if not stopped:
            continue
        if all(cell.name in value.stopped for cell in cells):
            yield f"  look {step.look} of {len(plan.looks)}: decided on {dataset.name!r}; no more records are asked"
        else:
            yield f"  look {step.look} of {len(plan.looks)}: worse on {dataset.name!r} and asked no more: {', '.join(stopped)}"
