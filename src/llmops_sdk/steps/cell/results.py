"""What the record has of one cell: its scores as arrays, and the numbers that are reported of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.record.layout import GENERATIONS, SCORES, ArtifactLayout
from llmops_sdk.record.lines import read_outcomes, read_scores
from llmops_sdk.steps.cell.scores import SCORES_OF
from llmops_sdk.steps.cell.tally import Tally
from llmops_sdk.steps.execution import StepExecution
from llmops_sdk.values.answers import Answered, Outcome, Pending
from llmops_sdk.values.artifacts import GenerationsValue, ScoresValue
from llmops_sdk.values.generation_options import GenerationOptions, describe_exceptions, vary
from llmops_sdk.values.models import TrainedModel
from llmops_sdk.values.plan import Cell, GenerateStep, ScoreStep
from llmops_sdk.values.results import VARIES, CellResult, EvaluatorInfo, Speed
from llmops_sdk.values.scores import LEFT_OUT, Scored
from llmops_sdk.values.step_records import Succeeded
from llmops_sdk.verdict.table import CellColumn, Kind, MetricColumn

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_REASONS, _LONGEST_REASON = 100, 200


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
    scores: dict[str, MetricColumn] = {}
    model = execution.run.plan.model_by_name[cell.model]
    tally, unanswered = _read_outcomes(
        execution, generations.address, generated.records, vary(execution.run.plan.generation, model.varies)
    )
    evaluators, unscored, pending, reasons = {}, {}, {}, {}
    undefined: dict[str, int] = {}
    for entry in record.artifacts:
        if not entry.startswith(SCORES_OF):
            continue
        name = entry.removeprefix(SCORES_OF)
        artifact = execution.artifact_of(step.name, entry)
        value: ScoresValue = artifact.read(ScoresValue)
        evaluators[name] = EvaluatorInfo(name, value.metrics, value.provenance)
        unscored[name], pending[name] = value.unscored, value.pending
        columns = _columns(execution, artifact.address, value, unanswered)
        scores |= columns.scores
        undefined |= columns.undefined
        if columns.reasons:
            reason, count = columns.reasons.most_common(1)[0]
            reasons[name] = f"{count} of {generated.records} records: {reason}"
    result = CellResult(
        cell=cell.name,
        candidate=cell.candidate,
        model=cell.model,
        prompt=cell.prompt,
        fine_tuned=bool(train),
        records=generated.records,
        answered=generated.answered,
        estimates={},
        unscored=unscored,
        speed=_speed(tally, generated),
        training=execution.artifact_of(train, "model").read(TrainedModel) if train else None,
        endpoint={**generated.endpoint, **_details(tally, model.varies)},
        pending=generated.pending,
        pending_scores={name: count for name, count in pending.items() if count},
        empty=tally.empty,
        cut=tally.cut,
        cut_reasoning=tally.cut_reasoning,
        malformed=tally.malformed,
        models=dict(tally.models),
        undefined=undefined,
        reasons=reasons,
    )
    return CellScores(CellColumn(result, scores), evaluators)


@attrs.frozen
class _Columns:
    """The scores of one evaluator.

    Attributes:
        scores: Metric name to the scores.
        undefined: Metric name to the number of scored records without it.
        reasons: Why records have no score, or not all numbers, with the number of records.
    """

    scores: dict[str, MetricColumn]
    undefined: dict[str, int]
    reasons: Counter[str]


def _columns(execution: StepExecution, address: str, value: ScoresValue, unanswered: NDArray[Any]) -> _Columns:
    """Read the scores of one evaluator.

    Args:
        execution: The step that reads.
        address: Of the scores.
        value: What is known of them.
        unanswered: The `Kind` of each record without an answer, `UNDEFINED` for the others.
    """
    import numpy as np

    columns = {
        metric.name: MetricColumn(np.full(unanswered.size, np.nan), unanswered.copy()) for metric in value.metrics
    }
    defined: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    scored = 0
    with execution.run.artifact_folder(address) as folder, (folder / SCORES).open("rb") as lines:
        for score in read_scores(lines, str(folder / SCORES)):
            reason = "" if isinstance(score, (Scored, Pending)) else score.error
            if isinstance(score, Scored):
                scored += 1
                defined.update(score.scores.keys())
                reason = score.notes.get(LEFT_OUT, "")
                for name, number in score.scores.items():
                    columns[name].numbers[score.index] = number
                    columns[name].kinds[score.index] = Kind.SCORED
            elif isinstance(score, Pending) or score.is_failure:
                for column in columns.values():
                    column.kinds[score.index] = Kind.MISSING if isinstance(score, Pending) else Kind.FAILED
            reason = reason[:_LONGEST_REASON]
            if reason and (reason in reasons or len(reasons) < _MOST_REASONS):
                reasons[reason] += 1
    undefined = {name: count for name in columns if (count := scored - defined[name])}
    return _Columns(columns, undefined, reasons)


def _read_outcomes(
    execution: StepExecution, address: str, records: int, varied: GenerationOptions
) -> tuple[Tally, NDArray[Any]]:
    """Return counts of a cell's answers, and the `Kind` of each record without one; `UNDEFINED` for the others."""
    import numpy as np

    tally = Tally(varied.response_format)
    unanswered = np.full(records, Kind.UNDEFINED, dtype=np.int8)
    for outcome in _outcomes(execution, address):
        tally.count(outcome)
        if not isinstance(outcome, Answered):
            unanswered[outcome.index] = Kind.MISSING if isinstance(outcome, Pending) else Kind.FAILED
    return tally, unanswered


def _details(tally: Tally, varies: Mapping[str, Any]) -> dict[str, str]:
    """Return details of a cell's answers, to show beside those of its endpoint."""
    details = {"served model": tally.model_names()} if tally.models else {}
    if tally.reasoning_tokens is not None:
        details["reasoning tokens"] = f"{tally.reasoning_tokens} in {tally.answered} answers"
    if varies:
        details[VARIES] = describe_exceptions(varies)
    return details


def _speed(tally: Tally, generated: GenerationsValue) -> Speed | None:
    import numpy as np

    if not tally.latencies:
        return None
    tokens, seconds = generated.output_tokens, generated.seconds
    first_tokens = tally.first_tokens
    return Speed(
        concurrency=generated.concurrency,
        latency_p50=float(np.quantile(tally.latencies, 0.5)),
        latency_p95=float(np.quantile(tally.latencies, 0.95)),
        output_tokens_per_second=tokens / seconds if tokens and seconds else None,
        time_to_first_token_p50=float(np.quantile(first_tokens, 0.5)) if first_tokens else None,
    )


def _outcomes(execution: StepExecution, address: str) -> Iterator[Outcome]:
    with execution.run.store.folder(ArtifactLayout(address).final) as folder:
        path = folder / GENERATIONS
        with path.open("rb") as lines:
            yield from read_outcomes(lines, str(path))
