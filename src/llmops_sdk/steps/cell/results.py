"""What the record has of one cell: its scores as arrays, and the numbers that are reported of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.record.layout import GENERATIONS, SCORES, ArtifactLayout
from llmops_sdk.record.lines import read_outcomes, read_scores
from llmops_sdk.steps.cell.costs import cell_cost
from llmops_sdk.steps.cell.evaluators import evaluators_of
from llmops_sdk.steps.cell.scores import SCORES_OF
from llmops_sdk.steps.cell.summaries import scored_records, summarizing
from llmops_sdk.steps.cell.tally import Tally
from llmops_sdk.steps.execution import StepExecution
from llmops_sdk.values.answers import Answered, Outcome, Pending, Unanswered
from llmops_sdk.values.artifacts import GenerationsValue, ScoresValue, of_repeat
from llmops_sdk.values.generation_options import describe_exceptions, vary
from llmops_sdk.values.models import TrainedModel
from llmops_sdk.values.plan import Cell, Component, GenerateStep, ScoreStep
from llmops_sdk.values.results import VARIES, CellResult, EvaluatorInfo, FailedCell, Speed
from llmops_sdk.values.scores import LEFT_OUT, Metric, RecordScore, Scored, Unscored
from llmops_sdk.values.step_records import Failed, StepRecord, Succeeded
from llmops_sdk.values.summaries import Summary
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
        again: The scores of the second time that it was asked for the noise floor; empty if it was not.
    """

    column: CellColumn
    evaluators: Mapping[str, EvaluatorInfo]
    again: Mapping[str, MetricColumn] = attrs.field(factory=dict)


def read_cell(
    execution: StepExecution,
    cell: Cell,
    step: ScoreStep,
    record: Succeeded,
    asked: NDArray[Any] | None = None,
) -> CellScores:
    """Read the scores of a cell whose `score` step succeeded.

    Args:
        execution: The step that reads.
        cell: The cell.
        step: Its `score` step.
        record: What that step left.
        asked: Which records count, shape (records,): those up to the look at which the cell stopped; None for all.

    Raises:
        FileNotFoundError: What it left is gone from the store.
    """
    plan = execution.run.plan
    generate = plan.step_by_name[step.needs[0]]
    train = generate.train if isinstance(generate, GenerateStep) else ""
    model = plan.model_by_name[cell.model]
    times = _Times(execution, cell, step, record, asked)
    answers = times.read(range(model.repeats))
    again = times.read(range(model.repeats, plan.times_asked(cell)))
    generated, tally = answers.generated, answers.tally
    training = execution.artifact_of(train, "model").read(TrainedModel) if train else None
    result = CellResult(
        cell=cell.name,
        candidate=cell.candidate,
        model=cell.model,
        prompt=cell.prompt,
        fine_tuned=bool(train),
        records=generated[0].records if asked is None else int(asked.sum()),
        answered=tally.answered,
        estimates={},
        unscored=answers.unscored,
        speed=_speed(tally, generated),
        training=training,
        endpoint={**generated[0].endpoint, **_details(tally, model.varies), **_prompt_details(execution, cell, tally)},
        pending=tally.pending,
        missing=tally.missing,
        pending_scores={name: count for name, count in answers.pending.items() if count},
        empty=tally.empty,
        cut=tally.cut,
        cut_reasoning=tally.cut_reasoning,
        malformed=tally.malformed,
        models=dict(tally.models),
        undefined=answers.undefined,
        reasons=answers.reasons,
        repeats=model.repeats,
        seed=cell.seed,
        look=step.look,
        not_asked=0 if asked is None else int((~asked).sum()),
        summaries=answers.summaries,
        cost=cell_cost(plan.costs.of(cell.model), plan.costs.traffic, tally, generated, training),
    )
    return CellScores(CellColumn(result, answers.scores), answers.evaluators, again.scores)


def failed_cell(execution: StepExecution, cell: Cell, step: str, record: Failed | None) -> FailedCell:
    """Return a cell without a result, with the step that failed first.

    Args:
        execution: The step that reads.
        cell: The cell.
        step: The name of its `score` step.
        record: What that step left, or None.
    """
    if record is None:
        return FailedCell(cell.name, cell.candidate, step, "it was not run", cell.seed)
    first = execution.run.record(record.cause)
    error = first.error if isinstance(first, Failed) else record.error
    return FailedCell(cell.name, cell.candidate, record.cause, error, cell.seed)


def conclusive(record: StepRecord | None) -> dict[str, object] | None:
    """Return what of a step's record can change a conclusion: not when or how fast the step ran."""
    if record is None:
        return None
    if isinstance(record, Succeeded):
        return {"artifacts": dict(record.artifacts)}
    return {"cause": record.cause, "error": record.error}


@attrs.define
class _Read:
    """What was read of the times that a cell was asked.

    Attributes:
        generated: What is known of the answers of each time.
        tally: Counts of all answers.
        evaluators: The evaluators, by name.
        scores: Metric name to the scores.
        unscored: Evaluator name to the number of answers that it cannot score.
        pending: Evaluator name to the number of scores that failed for now.
        undefined: Metric name to the number of scored answers without it.
        reasons: Evaluator name to the most frequent reason of answers without a score, or without all numbers.
        summaries: Evaluator name to its summary.
    """

    generated: list[GenerationsValue]
    tally: Tally
    evaluators: dict[str, EvaluatorInfo] = attrs.field(factory=dict)
    scores: dict[str, MetricColumn] = attrs.field(factory=dict)
    unscored: dict[str, int] = attrs.field(factory=dict)
    pending: dict[str, int] = attrs.field(factory=dict)
    undefined: dict[str, int] = attrs.field(factory=dict)
    reasons: dict[str, str] = attrs.field(factory=dict)
    summaries: dict[str, Summary] = attrs.field(factory=dict)


@attrs.frozen
class _Times:
    """Reads the answers and scores of a cell.

    Attributes:
        execution: The step that reads.
        cell: The cell.
        step: Its `score` step.
        record: What that step left.
        asked: Which records count, shape (records,); None for all.
    """

    execution: StepExecution
    cell: Cell
    step: ScoreStep
    record: Succeeded
    asked: NDArray[Any] | None

    def read(self, repeats: range) -> _Read:
        """Read some of the times that the cell was asked; of none, nothing."""
        import numpy as np

        plan = self.execution.run.plan
        varied = vary(plan.generation, plan.model_by_name[self.cell.model].varies)
        read = _Read([], Tally(varied.response_format, price=plan.costs.of(self.cell.model).price))
        if not repeats:
            return read
        kinds = np.stack([self._read_answers(repeat, read) for repeat in repeats])
        for component in evaluators_of(plan, self.cell):
            names = [of_repeat(f"{SCORES_OF}{component.name}", repeat) for repeat in repeats]
            if all(name in self.record.artifacts for name in names):
                self._read_scores(component, names, kinds, read)
        return read

    def _read_answers(self, repeat: int, read: _Read) -> NDArray[Any]:
        """Count the answers of one time, and return the `Kind` of each record without one; `UNDEFINED` for the others."""
        import numpy as np

        generations = self.execution.artifact_of(self.step.needs[0], of_repeat(self.cell.name, repeat))
        value: GenerationsValue = generations.read(GenerationsValue)
        read.generated.append(value)
        unanswered = np.full(value.records, Kind.UNDEFINED, dtype=np.int8)
        for outcome in answers_at(self.execution, generations.address):
            if not self._counts(outcome.index):
                unanswered[outcome.index] = Kind.NOT_ASKED
                continue
            read.tally.count(outcome)
            if not isinstance(outcome, Answered):
                is_failure = isinstance(outcome, Unanswered) and not outcome.is_missing
                unanswered[outcome.index] = Kind.FAILED if is_failure else Kind.MISSING
        return unanswered

    def _counts(self, record: int) -> bool:
        return self.asked is None or bool(self.asked[record])

    def _read_scores(self, component: Component, names: Sequence[str], unanswered: NDArray[Any], read: _Read) -> None:
        """Read the scores of one evaluator.

        Args:
            component: The evaluator.
            names: Those of the artifacts with its scores, one for each time.
            unanswered: The `Kind` of each record without an answer, `UNDEFINED` for the others; shape (times, records).
            read: Where what is read is added.
        """
        evaluator = component.name
        artifacts = [self.execution.artifact_of(self.step.name, name) for name in names]
        values: list[ScoresValue] = [artifact.read(ScoresValue) for artifact in artifacts]
        read.evaluators[evaluator] = EvaluatorInfo(evaluator, values[0].metrics, values[0].provenance)
        columns = _Columns.of(values[0].metrics, unanswered)
        scores = [self._scores(artifact.address, columns, repeat) for repeat, artifact in enumerate(artifacts)]
        summarizer = summarizing(self.execution.runtime.registry, component)
        if summarizer:
            with self.execution.splits(self.cell.dataset) as splits:
                repeats = zip(scores, unanswered == Kind.FAILED, strict=True)
                scored = (each for repeat in repeats for each in scored_records(splits.test, *repeat))
                summary = summarizer.summary(scored)
            read.summaries |= {evaluator: summary} if summary else {}
        for _ in chain.from_iterable(scores):  # what a summary did not read
            pass
        read.unscored[evaluator], read.pending[evaluator] = columns.unscored, columns.pending
        read.scores |= columns.scores
        read.undefined |= columns.undefined()
        if columns.reasons:
            reason, count = columns.reasons.most_common(1)[0]
            noun = "records" if len(names) == 1 else "answers"
            read.reasons[evaluator] = f"{count} of {(unanswered != Kind.NOT_ASKED).sum()} {noun}: {reason}"

    def _scores(self, address: str, columns: _Columns, repeat: int) -> Iterator[RecordScore]:
        """Yield the scores of one time, each added to the columns."""
        with self.execution.run.artifact_folder(address) as folder, (folder / SCORES).open("rb") as lines:
            for score in read_scores(lines, str(folder / SCORES)):
                if self._counts(score.index):
                    columns.add(score, repeat)
                    yield score


@attrs.define
class _Columns:
    """The scores of one evaluator.

    Attributes:
        scores: Metric name to the scores.
        scored: The number of answers with a score.
        unscored: The number of those that cannot be scored.
        pending: The number of those whose score failed for now.
        defined: Metric name to the number of those that it has a value of.
        reasons: Why answers have no score, or not all numbers, with the number of answers.
    """

    scores: dict[str, MetricColumn]
    scored: int = 0
    unscored: int = 0
    pending: int = 0
    defined: Counter[str] = attrs.field(factory=Counter)
    reasons: Counter[str] = attrs.field(factory=Counter)

    @classmethod
    def of(cls, metrics: Iterable[Metric], unanswered: NDArray[Any]) -> _Columns:
        """Return columns without a score yet."""
        import numpy as np

        return cls(
            {metric.name: MetricColumn(np.full(unanswered.shape, np.nan), unanswered.copy()) for metric in metrics}
        )

    def add(self, score: RecordScore, repeat: int) -> None:
        """Add the score of an answer."""
        reason = "" if isinstance(score, (Scored, Pending)) else score.error
        place = 0, repeat, score.index  # a cell is one checkpoint
        self.pending += isinstance(score, Pending)
        self.unscored += isinstance(score, Unscored)
        if isinstance(score, Scored):
            self.scored += 1
            self.defined.update(score.scores.keys())
            reason = score.notes.get(LEFT_OUT, "")
            for name, number in score.scores.items():
                self.scores[name].numbers[place] = number
                self.scores[name].kinds[place] = Kind.SCORED
        elif isinstance(score, Pending) or score.is_failure:
            for column in self.scores.values():
                column.kinds[place] = Kind.MISSING if isinstance(score, Pending) else Kind.FAILED
        reason = reason[:_LONGEST_REASON]
        if reason and (reason in self.reasons or len(self.reasons) < _MOST_REASONS):
            self.reasons[reason] += 1

    def undefined(self) -> dict[str, int]:
        """Return the metrics that scored answers have no value of, with their number."""
        return {name: count for name in self.scores if (count := self.scored - self.defined[name])}


def _details(tally: Tally, varies: Mapping[str, Any]) -> dict[str, str]:
    """Return details of a cell's answers, to show beside those of its endpoint."""
    details = {"served model": tally.model_names()} if tally.models else {}
    if tally.reasoning_tokens is not None:
        details["reasoning tokens"] = f"{tally.reasoning_tokens} in {tally.answered} answers"
    if varies:
        details[VARIES] = describe_exceptions(varies)
    return details


def _prompt_details(execution: StepExecution, cell: Cell, tally: Tally) -> dict[str, str]:
    """Return how long the prompts of a cell were, and what was retrieved, in a plan in which a prompt retrieves."""
    plan = execution.run.plan
    if not any(prompt.retrieves for prompt in plan.prompts):
        return {}
    counts = tally.prompt_tokens
    tokens = {"prompt tokens": f"{sum(counts) / len(counts):.0f} on average, at most {max(counts)}"} if counts else {}
    with execution.splits(cell.dataset, cell.prompt) as splits:
        return {**tokens, **splits.retrieved}


def _speed(tally: Tally, generated: Sequence[GenerationsValue]) -> Speed | None:
    import numpy as np

    if not tally.latencies:
        return None
    tokens = [value.output_tokens for value in generated if value.output_tokens is not None and value.seconds]
    seconds = sum(value.seconds for value in generated)
    first_tokens = tally.first_tokens
    return Speed(
        concurrency=generated[0].concurrency,
        latency_p50=float(np.quantile(tally.latencies, 0.5)),
        latency_p95=float(np.quantile(tally.latencies, 0.95)),
        output_tokens_per_second=sum(tokens) / seconds if sum(tokens) and len(tokens) == len(generated) else None,
        time_to_first_token_p50=float(np.quantile(first_tokens, 0.5)) if first_tokens else None,
    )


def answers_at(execution: StepExecution, address: str) -> Iterator[Outcome]:
    """Yield what became of the questions of an artifact, in their order."""
    with execution.run.store.folder(ArtifactLayout(address).final) as folder:
        path = folder / GENERATIONS
        with path.open("rb") as lines:
            yield from read_outcomes(lines, str(path))
