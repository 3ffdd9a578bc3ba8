"""What a gate reads of a run: the scores of all candidates record by record, and the hashes of the records."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.errors import DataError, RunNotFoundError, SpecError
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.run import Run
from llmops_sdk.steps.cell.clusters import read_clusters
from llmops_sdk.steps.cell.grades import read_grades
from llmops_sdk.steps.cell.results import read_cell
from llmops_sdk.steps.execution import StepExecution
from llmops_sdk.steps.runtime import Runtime, default_home
from llmops_sdk.values.answers import Answer, Answered
from llmops_sdk.values.data import Record
from llmops_sdk.values.grades import Grades
from llmops_sdk.values.plan import Cell, ScoreStep
from llmops_sdk.values.results import EvaluatorInfo
from llmops_sdk.values.scores import Metric
from llmops_sdk.values.serial import digest
from llmops_sdk.values.step_records import Failed, Succeeded
from llmops_sdk.verdict.recipe import join_checkpoints
from llmops_sdk.verdict.table import CellColumn

if TYPE_CHECKING:
    from numpy.typing import NDArray

HASH_LENGTH = 16
"""Hexadecimal digits of a record's hash: among a million records, two are equal by chance in one of 30 million datasets."""


@attrs.frozen(eq=False)
class DatasetEvidence:
    """The candidates of a run on one dataset.

    Attributes:
        run: The run.
        dataset: The dataset's name.
        columns: Candidate to its scores, record by record.
        hashes: The hash of each test record's content, in the order of the scores.
        clusters: Labels of the records that depend on each other, shape (records,); None if none do.
    """

    run: Run
    dataset: str
    columns: Mapping[str, CellColumn]
    hashes: tuple[str, ...]
    clusters: NDArray[Any] | None

    @property
    def labels(self) -> NDArray[Any]:
        """A label for each record: that of its cluster, or its own."""
        import numpy as np

        return np.arange(len(self.hashes)) if self.clusters is None else self.clusters

    def latencies(self, candidate: str) -> Iterator[tuple[int, float | None]]:
        """Yield the place of the record of each answer of a candidate, and the seconds the answer took, or None."""
        for place, answer in self.answers(candidate):
            yield place, answer.latency

    def answers(self, candidate: str) -> Iterator[tuple[int, Answer]]:
        """Yield each answer of a candidate with the place of its record."""
        for cell in self.columns[candidate].result.parts:
            for sample in self.run.samples(cell.cell):
                if isinstance(sample.outcome, Answered):
                    yield sample.index, sample.outcome.answer


@attrs.frozen
class RunEvidence:
    """A finished run.

    Attributes:
        run: Its record.
        datasets: Its datasets, in the plan's order.
        evaluators: The evaluators as they were used.
        failures: Dataset and candidate to why the candidate has no result there.
        grades: People's grades of its answers, or None.
    """

    run: Run
    datasets: tuple[DatasetEvidence, ...]
    evaluators: tuple[EvaluatorInfo, ...]
    failures: Mapping[tuple[str, str], str]
    grades: Grades | None = None

    @cached_property
    def metrics(self) -> Mapping[str, Metric]:
        """The metrics of all evaluators, by name."""
        return {metric.name: metric for evaluator in self.evaluators for metric in evaluator.metrics}

    @property
    def candidates(self) -> tuple[str, ...]:
        """The candidates of the plan."""
        return tuple(dict.fromkeys(cell.candidate for cell in self.run.plan.cells))


def read_evidence(run: Run) -> RunEvidence:
    """Read what the verdict of a run rests on.

    Raises:
        RunNotFoundError: The run is not finished.
        SpecError: It has planned looks.
        RecordError: A file of it is damaged.
    """
    if run.plan.looks:
        message = (
            f"run {run.id!r} was planned with stop_early, and a gate needs all records of a candidate: run it again without"
            " stop_early"
        )
        raise SpecError(message)
    if not run.has_results:
        message = f"run {run.id!r} is not finished: finish it with: llmops run --resume {run.id}"
        raise RunNotFoundError(message)
    execution = _execution(run)
    evaluators: dict[str, EvaluatorInfo] = {}
    failures: dict[tuple[str, str], str] = {}
    datasets = [
        _read_dataset(execution, dataset.name, evaluators, failures)
        for dataset in run.plan.datasets
        if isinstance(run.record(f"prepare.{dataset.name}"), Succeeded)
    ]
    without = [dataset.name for dataset in run.plan.datasets if dataset.name not in {each.dataset for each in datasets}]
    for name in without:
        reason = _reason(run, f"prepare.{name}")
        failures |= {(name, cell.candidate): reason for cell in run.plan.cells if cell.dataset == name}
    return RunEvidence(run, tuple(datasets), tuple(evaluators.values()), failures, read_grades(run))


def require_scores(
    evidence: DatasetEvidence, metric: str, candidates: Iterable[str], failures: Mapping[tuple[str, str], str]
) -> None:
    """Check that candidates have a metric on a dataset.

    Args:
        evidence: The dataset.
        metric: The metric.
        candidates: The candidates.
        failures: Dataset and candidate to why the candidate has no result there.

    Raises:
        DataError: One of them lacks it; the message has the reason.
    """
    for name in candidates:
        if name not in evidence.columns or metric not in evidence.columns[name].scores:
            reason = failures.get((evidence.dataset, name), f"it has no {metric}")
            message = f"candidate {name!r} has no result on {evidence.dataset!r}: {reason}"
            raise DataError(message)


def read_retention(run: Run, cells: Mapping[str, Sequence[Cell]]) -> tuple[DatasetEvidence, dict[tuple[str, str], str]]:
    """Return candidates on the dataset of `retention`; and dataset and candidate to why one has no result there.

    Args:
        run: A finished run.
        cells: Candidate to its cells on that dataset, one for each seed.

    Raises:
        RecordError: A file of it is damaged.
    """
    execution = _execution(run)
    steps = {step.cell: step for step in run.plan.steps if isinstance(step, ScoreStep)}
    columns: dict[str, CellColumn] = {}
    failures: dict[tuple[str, str], str] = {}
    dataset = next(cell.dataset for own in cells.values() for cell in own)
    for candidate, own in cells.items():
        records = {cell.name: run.record(steps[cell.name].name) for cell in own}
        read = [
            read_cell(execution, cell, steps[cell.name], record).column
            for cell in own
            if isinstance(record := records[cell.name], Succeeded)
        ]
        if read:
            columns[candidate] = join_checkpoints(read)
        else:
            failures[dataset, candidate] = _reason(run, steps[own[0].name].name)
    hashes: tuple[str, ...] = ()
    clusters = None
    if columns:
        with execution.splits(dataset) as splits:
            hashes, clusters = hash_records(splits.test), read_clusters(splits).labels
    return DatasetEvidence(run, dataset, columns, hashes, clusters), failures


def hash_records(records: Iterable[Record]) -> tuple[str, ...]:
    """Return the hash of each record's content; of equal records, the second one has `:2` at its end."""
    seen: Counter[str] = Counter()
    hashes = []
    for record in records:
        short = digest(record)[:HASH_LENGTH]
        seen[short] += 1
        hashes.append(short if seen[short] == 1 else f"{short}:{seen[short]}")
    return tuple(hashes)


def _read_dataset(
    execution: StepExecution,
    dataset: str,
    evaluators: dict[str, EvaluatorInfo],
    failures: dict[tuple[str, str], str],
) -> DatasetEvidence:
    run = execution.run
    steps = {step.cell: step for step in run.plan.steps if isinstance(step, ScoreStep)}
    checkpoints: dict[str, list[CellColumn]] = {}
    for cell in (cell for cell in run.plan.cells if cell.dataset == dataset):
        step = steps[cell.name]
        record = run.record(step.name)
        if isinstance(record, Succeeded):
            read = read_cell(execution, cell, step, record)
            checkpoints.setdefault(cell.candidate, []).append(read.column)
            for name, info in read.evaluators.items():
                evaluators.setdefault(name, info)
        else:
            failures[dataset, cell.candidate] = _reason(run, step.name)
    with execution.splits(dataset) as splits:
        hashes, clusters = hash_records(splits.test), read_clusters(splits).labels
    columns = {candidate: join_checkpoints(columns) for candidate, columns in checkpoints.items()}
    return DatasetEvidence(run, dataset, columns, hashes, clusters)


def _execution(run: Run) -> StepExecution:
    """Return what reads with the code of the `compare` step; no plugin is called."""
    runtime = Runtime(Registry(), default_home(), offline=True)
    return StepExecution(run, "compare", runtime, logging.getLogger(__name__), time.time())


def _reason(run: Run, step: str) -> str:
    record = run.record(step)
    if not isinstance(record, Failed):
        return f"step {step} was not run"
    first = run.record(record.cause)
    return f"step {record.cause} failed: {first.error if isinstance(first, Failed) else record.error}"
