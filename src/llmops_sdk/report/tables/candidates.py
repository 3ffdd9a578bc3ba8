"""The candidates of a run as rows: one for each dataset, candidate and metric, with its mean, interval and verdict."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from llmops_sdk.record.run import Run
from llmops_sdk.values.boards import all_boards
from llmops_sdk.values.estimates import Difference, MarginResult
from llmops_sdk.values.plan import Plan
from llmops_sdk.values.results import CellResult, FailedCell, Leaderboard
from llmops_sdk.values.scores import Metric


@attrs.frozen(kw_only=True)
class CandidateRow:
    """One candidate on one dataset in one metric.

    Attributes:
        run: The run's ID.
        dataset: The dataset's name.
        candidate: The candidate's name.
        model: The model's name in the specification.
        prompt: The prompt's name in the specification.
        fine_tuned: Whether the model was fine-tuned; None where the candidate has no result.
        place: Its place on the dataset, by the metric that decides: 1 is the best mean. None where it has no result.
        verdict: In the metric that decides: `best`, the best mean and all others are worse; `tied`, it cannot be told apart
            from the best, or is the best and others are tied with it; `worse`; `failed`, it has no result. Empty in other
            metrics, and where there is no conclusion. Where each candidate is compared with a base of its own, as on the
            dataset of `retention`: `no_worse`, not by more than the margin; `worse`, by more than it; `undecided`; empty for
            a base.
        metric: The metric's name; empty where the candidate has no result.
        decides: Whether the metric decides.
        mean: Over the records that have a number, or None.
        low: Lower end of the 95 % interval, or None where it is not bounded.
        high: Upper end, or None.
        records: The number of records that the mean rests on.
        difference: The mean difference from the best candidate, record by record; None for the best itself. On the dataset
            of `retention`, that from its base.
        difference_low: Lower end of its 95 % interval, or None; on the dataset of `retention`, a bound that holds with 95 %
            on its own.
        difference_high: Upper end, or None.
        better: Records on which it is better than the best candidate, or None.
        worse: Records on which it is worse, or None.
        failures: Answers that count as the metric's worst score, or None where it has no result.
        undefined: Scored answers that the metric has no value of.
        asked: The number of questions that it was asked.
        answered: Those that were answered.
        empty: Answers without a text.
        missing: Records that recorded answers lack.
        pending: Questions that failed for now.
        latency_p50: Seconds from request to reply, median, or None.
        latency_p95: Seconds, 95th percentile, or None.
        output_tokens_per_second: All output tokens by the wall time, or None.
        error: Why it has no result, or empty.
    """

    run: str
    dataset: str
    candidate: str
    model: str
    prompt: str
    fine_tuned: bool | None
    place: int | None
    verdict: str
    metric: str
    decides: bool
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    records: int = 0
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    better: int | None = None
    worse: int | None = None
    failures: int | None = None
    undefined: int | None = None
    asked: int | None = None
    answered: int | None = None
    empty: int | None = None
    missing: int | None = None
    pending: int | None = None
    latency_p50: float | None = None
    latency_p95: float | None = None
    output_tokens_per_second: float | None = None
    error: str = ""


def read_candidates(run: Run) -> Iterator[CandidateRow]:
    """Yield the candidates of a run: dataset by dataset, best first, each once for every metric.

    A candidate without a result is one row, with the reason.

    Raises:
        RunNotFoundError: The run has no results yet.
    """
    results = run.results()
    metrics = [metric for evaluator in results.evaluators for metric in evaluator.metrics]
    datasets = {dataset.name for dataset in run.plan.datasets}
    for board in all_boards(results):
        differences = {(each.candidate, each.metric): each for each in board.differences}
        measured = {name for cell in board.cells for name in cell.estimates}
        shown = [metric for metric in metrics if board.dataset in datasets or metric.name in measured]
        for place, cell in enumerate(board.cells, start=1):
            for metric in sorted(shown, key=lambda metric: metric.name != board.metric):
                yield _row(run.id, board, place, cell, metric, differences.get((cell.candidate, metric.name)))
        for failed in board.failed:
            yield _failed_row(run.id, run.plan, board, failed)


def verdict_of(board: Leaderboard, candidate: str) -> str:
    """Return the conclusion about a candidate that has a result; see `CandidateRow`."""
    verdict = board.verdict
    if margin := _against_base(board, candidate):
        return "no_worse" if margin.no_worse else "worse" if margin.worse else "undecided"
    if candidate in verdict.worse:
        return "worse"
    if candidate in verdict.tied or (candidate == verdict.best and verdict.tied):
        return "tied"
    return "best" if candidate == verdict.best else ""


def _against_base(board: Leaderboard, candidate: str) -> MarginResult | None:
    """Return a candidate against its own base, where the verdict is about that; else None."""
    verdict = board.verdict
    return next((each for each in verdict.margins if each.candidate == candidate and not verdict.best), None)


def _row(
    run_id: str, board: Leaderboard, place: int, cell: CellResult, metric: Metric, difference: Difference | None
) -> CandidateRow:
    estimate, speed = cell.estimates.get(metric.name), cell.speed
    decides = metric.name == board.metric
    margin = _against_base(board, cell.candidate) if decides else None
    gap = difference.estimate if difference else margin.estimate if margin else None
    return CandidateRow(
        run=run_id,
        dataset=board.dataset,
        candidate=cell.candidate,
        model=cell.model,
        prompt=cell.prompt,
        fine_tuned=cell.fine_tuned,
        place=place,
        verdict=verdict_of(board, cell.candidate) if decides else "",
        metric=metric.name,
        decides=decides,
        mean=estimate.mean if estimate else None,
        low=estimate.low if estimate else None,
        high=estimate.high if estimate else None,
        records=estimate.records if estimate else 0,
        difference=gap.mean if gap else None,
        difference_low=gap.low if gap else None,
        difference_high=gap.high if gap else None,
        better=difference.better if difference else None,
        worse=difference.worse if difference else None,
        failures=cell.failures.get(metric.name, 0),
        undefined=cell.undefined.get(metric.name, 0),
        asked=cell.questions,
        answered=cell.answered,
        empty=cell.empty,
        missing=cell.missing,
        pending=cell.pending,
        latency_p50=speed.latency_p50 if speed else None,
        latency_p95=speed.latency_p95 if speed else None,
        output_tokens_per_second=speed.output_tokens_per_second if speed else None,
    )


def _failed_row(run_id: str, plan: Plan, board: Leaderboard, failed: FailedCell) -> CandidateRow:
    cell = plan.cell_by_name[failed.cell]
    return CandidateRow(
        run=run_id,
        dataset=board.dataset,
        candidate=failed.label,
        model=cell.model,
        prompt=cell.prompt,
        fine_tuned=None,
        place=None,
        verdict="failed",
        metric="",
        decides=False,
        error=f"step {failed.step} failed: {failed.error}",
    )
