"""The rows of a run: every answer with its scores, and one tidy row for each record, candidate and metric.

Both are read from the run's record a line at a time: memory does not grow with the number of records.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, get_args, get_type_hints

import attrs

from llmops_sdk.data.columns import value_at
from llmops_sdk.record.run import Run
from llmops_sdk.values.answers import Answer, Answered, NotAsked, Pending, Unanswered
from llmops_sdk.values.data import DatasetSplits
from llmops_sdk.values.results import CellResult, EvaluatorInfo
from llmops_sdk.values.samples import Sample
from llmops_sdk.values.scores import LEFT_OUT, Metric
from llmops_sdk.values.serial import canonical, digest
from llmops_sdk.values.step_records import Succeeded

ScoreState = Literal["scored", "failed", "missing", "undefined", "pending", "not_asked"]
"""What became of a score; `AnswerScore` has the meaning of each."""


@attrs.frozen(kw_only=True)
class AnswerScore:
    """The score of one answer in one metric.

    Attributes:
        metric: The metric.
        evaluator: The name of its evaluator.
        value: The score, or None where there is none.
        state: `scored`; `failed`, the candidate's own failure: no answer, or one that the metric cannot use; `missing`, the
            recorded answers lack the record; `undefined`, the metric has no value of the record, which is left out for all
            candidates; `pending`, it failed for now; or `not_asked`, the candidate stopped at an earlier look.
        error: Why there is none, or empty.
    """

    metric: Metric
    evaluator: str
    value: float | None
    state: ScoreState
    error: str = ""

    @property
    def counted(self) -> float | None:
        """The number that means are made of: the score, or of a failure the metric's worst one; None for all else."""
        return self.metric.worst if self.state == "failed" else self.value


@attrs.frozen(kw_only=True)
class ScoredAnswer:
    """One answer of a candidate to a test record, with its scores.

    Attributes:
        dataset: The dataset's name.
        cell: The candidate on the dataset; of one that was trained with several seeds, the checkpoint.
        record_hash: The SHA-256 of the record's fields: the same record has the same one in every run.
        group: The value of the field by which records depend on each other, as text; empty without `group`.
        sample: The record, what was asked and what was answered.
        scores: In the order of the evaluators and their metrics.
    """

    dataset: str
    cell: CellResult
    record_hash: str
    group: str
    sample: Sample
    scores: tuple[AnswerScore, ...]


@attrs.frozen(kw_only=True)
class Row:
    """One record, candidate and metric: a line of the tidy table.

    Attributes:
        run: The run's ID.
        dataset: The dataset's name.
        record: The record's place in the test split, from 0.
        record_hash: The SHA-256 of the record's fields: the same record has the same one in every run.
        group: The value of the field by which records depend on each other, as text; empty without `group`.
        candidate: The candidate's name.
        model: The model's name in the specification.
        prompt: The prompt's name in the specification.
        fine_tuned: Whether the model was fine-tuned.
        seed: The seed of the training, of a candidate that was trained with several.
        repeat: Which answer to the record it is, from 0.
        metric: The metric's name.
        score: The score, or None where there is none.
        state: See `AnswerScore`.
        counted: The number that means are made of: the score, or of a failure the metric's worst one; None for all else.
        answer: What the model wrote, or None where there is no answer.
        latency: Seconds from the request to its answer, or None.
        prompt_tokens: As the endpoint counted them, or None.
        output_tokens: As the endpoint counted them, or None.
        cost: US dollars, or None where it is not known.
        error: Why there is no answer or no score; empty otherwise.
    """

    run: str
    dataset: str
    record: int
    record_hash: str
    group: str
    candidate: str
    model: str
    prompt: str
    fine_tuned: bool
    seed: int | None
    repeat: int
    metric: str
    score: float | None
    state: str
    counted: float | None
    answer: str | None
    latency: float | None
    prompt_tokens: int | None
    output_tokens: int | None
    cost: float | None
    error: str


def read_answers(run: Run) -> Iterator[ScoredAnswer]:
    """Yield every answer of a run with its scores: dataset by dataset, candidate by candidate, in the order of the records.

    A candidate without a result has none; `read_candidates` has the reason.

    Raises:
        RunNotFoundError: The run has no results yet.
        RecordError: Its samples are damaged.
    """
    results = run.results()
    for board in results.leaderboards:
        group = _group_field(run, board.dataset)
        for cell in (part for candidate in board.cells for part in candidate.parts):
            for sample in run.samples(cell.cell):
                yield ScoredAnswer(
                    dataset=board.dataset,
                    cell=cell,
                    record_hash=digest(sample.record),
                    group=_text(value_at(sample.record, group, None)) if group else "",
                    sample=sample,
                    scores=tuple(_scores(sample, results.evaluators)),
                )


def read_rows(run: Run) -> Iterator[Row]:
    """Yield the tidy rows of a run, one for each record, candidate and metric; of repeats and seeds, one for each answer.

    Raises:
        RunNotFoundError: The run has no results yet.
        RecordError: Its samples are damaged.
    """
    for scored in read_answers(run):
        common = answer_columns(run, scored)
        for score in scored.scores:
            yield Row(
                **common,
                metric=score.metric.name,
                score=score.value,
                state=score.state,
                counted=score.counted,
                error=score.error or scored.sample.error,
            )


def answer_columns(run: Run, scored: ScoredAnswer) -> dict[str, Any]:
    """Return those columns of a row that are about its answer, by the names of the attributes of `Row`."""
    cell, sample = scored.cell, scored.sample
    answer = sample.answer or Answer()
    return {
        "run": run.id,
        "dataset": scored.dataset,
        "record": sample.index,
        "record_hash": scored.record_hash,
        "group": scored.group,
        "candidate": cell.candidate,
        "model": cell.model,
        "prompt": cell.prompt,
        "fine_tuned": cell.fine_tuned,
        "seed": cell.seed,
        "repeat": sample.repeat,
        "answer": sample.output,
        "latency": answer.latency,
        "prompt_tokens": answer.prompt_tokens,
        "output_tokens": answer.output_tokens,
        "cost": answer.cost,
    }


def row_columns(cls: type) -> Mapping[str, type]:
    """Return the columns of a class of rows, in order, each with the type of its values: text, int, float or bool."""
    hints = get_type_hints(cls)
    return {field.name: _value_type(hints[field.name]) for field in attrs.fields(cls)}


def _value_type(hint: Any) -> type:
    """Return the type of a column's values, of which some may be None."""
    cls: type
    (cls,) = [member for member in get_args(hint) or (hint,) if member is not type(None)]
    return cls


def _group_field(run: Run, dataset: str) -> str:
    record = run.record(f"prepare.{dataset}")
    artifact = run.artifact(record.artifacts["data"]) if isinstance(record, Succeeded) else None
    splits: DatasetSplits | None = artifact.read(DatasetSplits) if artifact else None
    return splits.group if splits else ""


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else canonical(value).decode()


def _scores(sample: Sample, evaluators: Iterable[EvaluatorInfo]) -> Iterator[AnswerScore]:
    for evaluator in evaluators:
        for metric in evaluator.metrics:
            state, error = _state(sample, evaluator.name, metric.name)
            value = sample.scores.get(metric.name) if state == "scored" else None
            yield AnswerScore(metric=metric, evaluator=evaluator.name, value=value, state=state, error=error)


def _state(sample: Sample, evaluator: str, metric: str) -> tuple[ScoreState, str]:
    """Return what became of a score, and why there is none."""
    outcome = sample.outcome
    if isinstance(outcome, Answered):
        return _state_of_answer(sample, evaluator, metric)
    if isinstance(outcome, NotAsked):
        return "not_asked", outcome.error
    if isinstance(outcome, Pending):
        return "pending", outcome.error
    unanswered: Unanswered = outcome
    return ("missing" if unanswered.is_missing else "failed"), unanswered.error


def _state_of_answer(sample: Sample, evaluator: str, metric: str) -> tuple[ScoreState, str]:
    if evaluator in sample.pending_scores:
        return "pending", sample.pending_scores[evaluator]
    if evaluator in sample.score_errors:
        return ("failed" if evaluator in sample.failures else "undefined"), sample.score_errors[evaluator]
    if metric in sample.scores:
        return "scored", ""
    return "undefined", sample.notes.get(evaluator, {}).get(LEFT_OUT, "")
