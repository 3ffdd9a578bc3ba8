"""Judging what tuned candidates retained: reads them and their bases on the dataset of `retention`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from llmops_sdk.errors import RecordError
from llmops_sdk.steps.cell.clusters import read_clusters
from llmops_sdk.steps.cell.results import failed_cell, read_cell
from llmops_sdk.steps.execution import StepExecution
from llmops_sdk.values.plan import Cell, Plan, PlannedRetention, ScoreStep
from llmops_sdk.values.results import EvaluatorInfo, FailedCell, Leaderboard
from llmops_sdk.values.step_records import Succeeded
from llmops_sdk.verdict.leaderboard import make_leaderboard
from llmops_sdk.verdict.recipe import join_checkpoints
from llmops_sdk.verdict.retention import TunedCandidate, conclude_retention, with_retention
from llmops_sdk.verdict.table import CellColumn


@attrs.frozen
class Retained:
    """What tuned candidates retained.

    Attributes:
        board: The candidates on the dataset of `retention`.
        boards: The leaderboards of the other datasets, with a sentence on it in the verdict of each.
    """

    board: Leaderboard
    boards: tuple[Leaderboard, ...]


def judge_retention(
    execution: StepExecution,
    steps: Mapping[str, ScoreStep],
    boards: Sequence[Leaderboard],
    evaluators: dict[str, EvaluatorInfo],
) -> Retained:
    """Compare each tuned candidate with its base on the dataset of `retention`, and state it beside the other verdicts.

    Args:
        execution: The `compare` step.
        steps: The `score` step of each cell.
        boards: The leaderboards of the other datasets.
        evaluators: The evaluators as they were used; one that scored nothing else is added.
    """
    plan = execution.run.plan
    retention = planned(plan)
    failed: list[FailedCell] = []
    checkpoints: dict[str, list[CellColumn]] = {}
    for cell in retention.cells:
        step = steps[cell.name]
        record = execution.run.record(step.name)
        if isinstance(record, Succeeded):
            read = read_cell(execution, cell, step, record)
            column = attrs.evolve(read.column, result=attrs.evolve(read.column.result, candidate=name_of(plan, cell)))
            checkpoints.setdefault(name_of(plan, cell), []).append(column)
            for name, info in read.evaluators.items():
                evaluators.setdefault(name, info)
        else:
            missing = failed_cell(execution, cell, step.name, record)
            failed.append(attrs.evolve(missing, candidate=name_of(plan, cell)))
    columns = [join_checkpoints(each) for each in checkpoints.values()]
    clusters = None
    if columns:
        with execution.splits(retention.dataset.name) as splits:
            clusters = read_clusters(splits).labels
    metrics = {metric.name: metric for info in evaluators.values() for metric in info.metrics}
    board = make_leaderboard(retention.dataset.name, retention.metric, columns, tuple(failed), metrics, clusters)
    tuned = tuned_candidates(plan)
    board = conclude_retention(board, columns, metrics, clusters, tuned, retention.margin)
    return Retained(board, tuple(with_retention(each, board, tuned) for each in boards))


def planned(plan: Plan) -> PlannedRetention:
    """Return what the plan asks besides.

    Raises:
        RecordError: It asks nothing.
    """
    if plan.retention is None:
        message = "the plan has no retention"
        raise RecordError(message)
    return plan.retention


def name_of(plan: Plan, cell: Cell) -> str:
    """Return what a candidate is called on the dataset of `retention`: one with several trainings, by what it is trained on."""
    cells = planned(plan).cells
    trained_on = {each.trained_on for each in cells if each.candidate == cell.candidate}
    return cell.candidate if len(trained_on) == 1 else f"{cell.candidate} trained on {cell.trained_on}"


def tuned_candidates(plan: Plan) -> tuple[TunedCandidate, ...]:
    """Return each tuned candidate, once for each dataset that it is trained on, with its base."""
    retention = planned(plan)
    tuned: dict[TunedCandidate, None] = {}
    for cell_name, base in retention.bases.items():
        cell = plan.cell_by_name[cell_name]
        own = plan.model_by_name[cell.model].train_on
        on = tuple(dataset.name for dataset in plan.datasets) if own else (cell.trained_on,)
        tuned[TunedCandidate(name_of(plan, cell), cell.candidate, plan.cell_by_name[base].candidate, on)] = None
    return tuple(tuned)
