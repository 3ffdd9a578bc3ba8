"""What the record has of one cell: its scores as arrays, and the numbers that are reported of it."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.record.layout import GENERATIONS, SCORES, ArtifactLayout
from llmops_sdk.record.lines import read_outcomes, read_scores
from llmops_sdk.steps.cell.scores import SCORES_OF
from llmops_sdk.steps.execution import StepExecution
from llmops_sdk.values.answers import Answer, Answered
from llmops_sdk.values.artifacts import GenerationsValue, ScoresValue
from llmops_sdk.values.models import TrainedModel
from llmops_sdk.values.plan import Cell, GenerateStep, ScoreStep
from llmops_sdk.values.results import CellResult, EvaluatorInfo, Speed
from llmops_sdk.values.scores import Scored
from llmops_sdk.values.step_records import Succeeded
from llmops_sdk.verdict.leaderboard import CellColumn
from llmops_sdk.verdict.statistics import Bootstrap

if TYPE_CHECKING:
    from numpy.typing import NDArray


@attrs.frozen
class CellScores:
    """The numbers of one cell.

    Attributes:
        column: What is reported of it, and its scores record by record.
        evaluators: The evaluators that gave them, by name.
    """

    column: CellColumn
    evaluators: Mapping[str, EvaluatorInfo]


def read_cell(execution: StepExecution, cell: Cell, step: ScoreStep, record: Succeeded) -> CellScores:
    """Read the scores of a cell whose `score` step succeeded.

    Args:
        execution: The step that reads.
        cell: The cell.
        step: Its `score` step.
        record: What that step left.

    Raises:
        FileNotFoundError: What it left is gone from the store.
    """
    generate = execution.run.plan.step_by_name[step.needs[0]]
    train = generate.train if isinstance(generate, GenerateStep) else ""
    generations = execution.artifact_of(generate.name, cell.name)
    generated: GenerationsValue = generations.read(GenerationsValue)
    scores: dict[str, NDArray[Any]] = {}
    evaluators, unscored, pending = {}, {}, {}
    for entry in record.artifacts:
        if not entry.startswith(SCORES_OF):
            continue
        name = entry.removeprefix(SCORES_OF)
        artifact = execution.artifact_of(step.name, entry)
        value: ScoresValue = artifact.read(ScoresValue)
        evaluators[name] = EvaluatorInfo(name, value.metrics, value.provenance)
        unscored[name], pending[name] = value.unscored, value.pending
        scores |= _columns(execution, artifact.address, value, generated.records)
    bootstrap = Bootstrap(generated.records)
    estimates = {name: bootstrap.estimate(values) for name, values in scores.items()}
    result = CellResult(
        cell=cell.name,
        candidate=cell.candidate,
        model=cell.model,
        prompt=cell.prompt,
        fine_tuned=bool(train),
        records=generated.records,
        answered=generated.answered,
        estimates={name: estimate for name, estimate in estimates.items() if estimate is not None},
        unscored=unscored,
        speed=_speed(execution, generations.address, generated),
        training=execution.artifact_of(train, "model").read(TrainedModel) if train else None,
        endpoint=generated.endpoint,
        pending=generated.pending,
        pending_scores={name: count for name, count in pending.items() if count},
    )
    return CellScores(CellColumn(result, scores), evaluators)


def _columns(execution: StepExecution, address: str, value: ScoresValue, records: int) -> dict[str, NDArray[Any]]:
    import numpy as np

    columns = {metric.name: np.full(records, np.nan) for metric in value.metrics}
    with execution.run.artifact_folder(address) as folder, (folder / SCORES).open("rb") as lines:
        for score in read_scores(lines, str(folder / SCORES)):
            if isinstance(score, Scored):
                for name, number in score.scores.items():
                    columns[name][score.index] = number
    return columns


def _speed(execution: StepExecution, address: str, generated: GenerationsValue) -> Speed | None:
    import numpy as np

    latencies, first_tokens = array("d"), array("d")
    for answer in _answers(execution, address):
        latencies.append(answer.latency)
        if answer.time_to_first_token is not None:
            first_tokens.append(answer.time_to_first_token)
    if not latencies:
        return None
    tokens, seconds = generated.output_tokens, generated.seconds
    return Speed(
        concurrency=generated.concurrency,
        latency_p50=float(np.quantile(latencies, 0.5)),
        latency_p95=float(np.quantile(latencies, 0.95)),
        output_tokens_per_second=tokens / seconds if tokens and seconds else None,
        time_to_first_token_p50=float(np.quantile(first_tokens, 0.5)) if first_tokens else None,
    )


def _answers(execution: StepExecution, address: str) -> Iterator[Answer]:
    with execution.run.store.folder(ArtifactLayout(address).final) as folder:
        path = folder / GENERATIONS
        with path.open("rb") as lines:
            for outcome in read_outcomes(lines, str(path)):
                if isinstance(outcome, Answered):
                    yield outcome.answer
