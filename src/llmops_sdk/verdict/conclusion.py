"""The conclusion of a leaderboard, in words that claim no more than the evidence does."""

from __future__ import annotations

from llmops_sdk.values.results import CellResult, Difference, Estimate, FailedCell, Verdict
from llmops_sdk.values.scores import Metric

FEWEST = 10
"""Records below which nothing is called settled: the bootstrap's intervals are too narrow there."""


def conclude(
    dataset: str,
    metric: Metric,
    cells: tuple[CellResult, ...],
    differences: tuple[Difference, ...],
    failed: tuple[FailedCell, ...],
) -> Verdict:
    """Conclude from the cells of one dataset, best first.

    A candidate is worse than the best beyond chance when its paired 95 % interval excludes 0 on at least `FEWEST`
    records; each is compared with the best alone, without a correction for how many there are.
    """
    label = metric.label or metric.name
    ranked = [cell for cell in cells if metric.name in cell.estimates]
    lost = f" {_many(len(failed), 'candidate')} could not be evaluated." if failed else ""
    if not ranked:
        return Verdict(
            "",
            settled=False,
            tied=(),
            text=f"No candidate has a {label} on {dataset}: there is nothing to decide on.{lost}",
        )
    best = ranked[0]
    top = f"{best.candidate} has the best mean {label} on {dataset}, {_mean(best.estimates[metric.name])}"
    if len(ranked) == 1:
        return Verdict(
            best.candidate, settled=False, tied=(), text=f"{top}; there is no other candidate to compare it with.{lost}"
        )
    to_best = {difference.candidate: difference for difference in differences if difference.metric == metric.name}
    tied = tuple(cell.candidate for cell in ranked[1:] if not _worse(to_best.get(cell.candidate), metric))
    if not tied:
        return Verdict(best.candidate, settled=True, tied=(), text=f"{top}, and {_beats(ranked[1], to_best)}.{lost}")
    return Verdict(best.candidate, settled=False, tied=tied, text=f"{top}, but {_unsettled(tied, to_best)}.{lost}")


def _beats(second: CellResult, to_best: dict[str, Difference]) -> str:
    difference = to_best[second.candidate]
    others = "every other candidate" if len(to_best) > 1 else second.candidate
    return f"it beats {others} beyond chance: {second.candidate} is {_gap(difference)} against it on the same {difference.estimate.records} records"


def _unsettled(tied: tuple[str, ...], to_best: dict[str, Difference]) -> str:
    first = to_best.get(tied[0])
    if first is None:
        return f"it shares no scored record with {tied[0]}, so the two cannot be compared"
    names = tied[0] if len(tied) == 1 else f"{', '.join(tied[:-1])} and {tied[-1]}"
    records = first.estimate.records
    if records < FEWEST:
        return f"{_many(records, 'record')} settle nothing: {tied[0]} is {_gap(first)} against it"
    return f"{records} records do not settle it against {names}: {tied[0]} is {_gap(first)} against it, and that interval includes no difference"


def _worse(difference: Difference | None, metric: Metric) -> bool:
    if difference is None or difference.estimate.records < FEWEST:
        return False
    return difference.estimate.low > 0 if metric.higher_is_better is False else difference.estimate.high < 0


def _mean(estimate: Estimate) -> str:
    return _minus(f"{estimate.mean:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]")


def _gap(difference: Difference) -> str:
    estimate = difference.estimate
    return _minus(f"{estimate.mean:+.3f} [{estimate.low:+.3f}, {estimate.high:+.3f}]")


def _minus(numbers: str) -> str:
    return numbers.replace("-", "\N{MINUS SIGN}")


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
