"""The `compare` step: put the cells of each dataset side by side, and conclude."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.record.layout import ArtifactLayout
from llmops_sdk.steps.job import Job, Made
from llmops_sdk.steps.score import SCORES
from llmops_sdk.values.models import TrainedModel
from llmops_sdk.values.plan import Cell, CompareStep, GenerateStep, Plan, ScoreStep
from llmops_sdk.values.results import CellResult, Difference, EvaluatorInfo, FailedCell, Leaderboard, Speed
from llmops_sdk.values.scores import Metric
from llmops_sdk.values.serial import digest, from_json, to_json
from llmops_sdk.values.step_records import Failed, Succeeded
from llmops_sdk.verdict.conclusion import conclude
from llmops_sdk.verdict.statistics import Bootstrap

if TYPE_CHECKING:
    from numpy.typing import NDArray


@attrs.frozen
class _Column:
    """The numbers of one cell.

    Attributes:
        result: What is reported of it.
        scores: Metric name to the numbers, shape (records,), NaN where there is none.
    """

    result: CellResult
    scores: Mapping[str, NDArray[Any]]


def compare(job: Job, _step: CompareStep) -> Made:
    """Write `results.json` from the record; cells without a result are in it with the step that failed."""
    cells = {step.cell: job.run.record(step.name) for step in job.run.plan.steps if isinstance(step, ScoreStep)}
    addresses = {cell: to_json(record) for cell, record in cells.items()}
    for found in addresses.values():
        for fleeting in ("at", "seconds", "cached"):
            (found or {}).pop(fleeting, None)
    key = digest(
        [dataset.name for dataset in job.run.plan.datasets], job.run.plan.metric, to_json(job.run.plan.cells), addresses
    )
    once = job.make_once(f"results/{key}", partial(_conclude, job))
    job.run.write_results(**once.artifact.value)
    return Made({"results": once.artifact.address}, once.cached)


def _conclude(job: Job, _folder: Path) -> Any:
    plan = job.run.plan
    metadata: dict[str, EvaluatorInfo] = {}
    trains = {step.name: step.train for step in plan.steps if isinstance(step, GenerateStep)}
    scores = {step.cell: step for step in plan.steps if isinstance(step, ScoreStep)}
    boards = []
    for dataset in plan.datasets:
        columns, failed = [], []
        for cell in (cell for cell in plan.cells if cell.dataset == dataset.name):
            step = scores[cell.name]
            record = job.run.record(step.name)
            if isinstance(record, Succeeded):
                columns.append(_column(job, cell, step, trains[step.needs[0]], record, metadata))
            else:
                failed.append(_failed(job, cell, step.name, record))
        boards.append(_leaderboard(plan, dataset.name, columns, failed, metadata))
    return {"leaderboards": to_json(tuple(boards)), "evaluators": to_json(tuple(metadata.values()))}


def _failed(job: Job, cell: Cell, step: str, record: Failed | None) -> FailedCell:
    if record is None:
        return FailedCell(cell.name, cell.candidate, step, "it was not run")
    first = job.run.record(record.cause)
    error = first.error if isinstance(first, Failed) else record.error
    return FailedCell(cell.name, cell.candidate, record.cause, error)


def _column(
    job: Job, cell: Cell, step: ScoreStep, train: str, record: Succeeded, metadata: dict[str, EvaluatorInfo]
) -> _Column:
    import numpy as np

    generations = job.made_by(step.needs[0], cell.name)
    total = generations.value["records"]
    scores: dict[str, NDArray[Any]] = {}
    unscored = {}
    for entry, address in record.artifacts.items():
        if not entry.startswith(SCORES):
            continue
        evaluator = entry.removeprefix(SCORES)
        artifact = job.run.artifact(address)
        if artifact is None:
            message = f"the scores of cell {cell.name!r} are gone from the store; run the pipeline again"
            raise FileNotFoundError(message)
        metrics = tuple(from_json(metric, Metric) for metric in artifact.value["metrics"])
        metadata.setdefault(evaluator, EvaluatorInfo(evaluator, metrics, artifact.value["provenance"]))
        unscored[evaluator] = artifact.value["unscored"]
        for metric in metrics:
            scores[metric.name] = np.full(total, np.nan)
        with job.run.artifact_folder(address) as folder, (folder / "scores.jsonl").open("rb") as lines:
            for found in map(json.loads, lines):
                for name, value in found.get("scores", {}).items():
                    scores[name][found["index"]] = value
    bootstrap = Bootstrap(total)
    estimates = {name: bootstrap.estimate(values) for name, values in scores.items()}
    trained = job.made_by(train, "model") if train else None
    result = CellResult(
        cell=cell.name,
        candidate=cell.candidate,
        model=cell.model,
        prompt=cell.prompt,
        fine_tuned=bool(train),
        records=total,
        answered=generations.value["answered"],
        estimates={name: estimate for name, estimate in estimates.items() if estimate is not None},
        unscored=unscored,
        speed=_speed(job, generations.address, generations.value),
        training=from_json(trained.value, TrainedModel) if trained else None,
        endpoint=generations.value["endpoint"],
    )
    return _Column(result, scores)


def _speed(job: Job, address: str, made: Mapping[str, Any]) -> Speed | None:
    import numpy as np

    latencies, firsts = array("d"), array("d")
    for answer in _answers(job, address):
        latencies.append(answer["latency"])
        if "time_to_first_token" in answer:
            firsts.append(answer["time_to_first_token"])
    if not latencies:
        return None
    tokens, seconds = made["output_tokens"], made["seconds"]
    return Speed(
        concurrency=made["concurrency"],
        latency_p50=float(np.quantile(latencies, 0.5)),
        latency_p95=float(np.quantile(latencies, 0.95)),
        output_tokens_per_second=tokens / seconds if tokens and seconds else None,
        time_to_first_token_p50=float(np.quantile(firsts, 0.5)) if firsts else None,
    )


def _answers(job: Job, address: str) -> Iterator[Mapping[str, Any]]:
    with (
        job.run.store.folder(ArtifactLayout(address).final) as folder,
        (folder / "generations.jsonl").open("rb") as lines,
    ):
        for line in lines:
            outcome = json.loads(line)
            if "output" in outcome:
                yield outcome


def _leaderboard(
    plan: Plan, dataset: str, columns: list[_Column], failed: list[FailedCell], metadata: Mapping[str, EvaluatorInfo]
) -> Leaderboard:
    metrics = {metric.name: metric for evaluator in metadata.values() for metric in evaluator.metrics}
    deciding = metrics.get(plan.metric, Metric(plan.metric))
    sign = 1 if deciding.higher_is_better is False else -1

    def rank(column: _Column) -> tuple[bool, float]:
        estimate = column.result.estimates.get(deciding.name)
        return (estimate is None, sign * estimate.mean if estimate else 0.0)

    ordered = sorted(columns, key=rank)
    differences = [
        difference
        for column in ordered[1:]
        for metric in metrics.values()
        if (difference := _difference(column, ordered[0], metric)) is not None
    ]
    cells = tuple(column.result for column in ordered)
    return Leaderboard(
        dataset=dataset,
        metric=deciding.name,
        cells=cells,
        failed=tuple(failed),
        differences=tuple(differences),
        verdict=conclude(dataset, deciding, cells, tuple(differences), tuple(failed)),
    )


def _difference(column: _Column, best: _Column, metric: Metric) -> Difference | None:
    if metric.name not in column.scores or metric.name not in best.scores:
        return None
    gap = column.scores[metric.name] - best.scores[metric.name]
    estimate = Bootstrap(len(gap)).estimate(gap)
    if estimate is None:
        return None
    gains = -gap if metric.higher_is_better is False else gap
    return Difference(
        candidate=column.result.candidate,
        versus=best.result.candidate,
        metric=metric.name,
        estimate=estimate,
        better=int((gains > 0).sum()),
        worse=int((gains < 0).sum()),
    )
