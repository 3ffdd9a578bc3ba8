"""The verdict on a leaderboard, in words that claim no more than the evidence does."""

from __future__ import annotations

from collections.abc import Mapping

from llmops_sdk.values.results import CellResult, Difference, Estimate, FailedCell, Verdict
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.caveats import find_caveats

FEWEST = 10
"""Records below which no difference is called significant: the bootstrap's intervals are too narrow there."""


def conclude(
    dataset: str,
    metric: Metric,
    cells: tuple[CellResult, ...],
    differences: tuple[Difference, ...],
    failed: tuple[FailedCell, ...],
) -> Verdict:
    """Conclude from the cells of one dataset, best first.

    A candidate is significantly worse than the best when its paired 95 % interval excludes 0 on at least `FEWEST`
    records; each is compared with the best only, without a correction for the number of candidates.
    """
    label = metric.label or metric.name
    ranked = [cell for cell in cells if metric.name in cell.estimates]
    without = f" {_count(len(failed), 'candidate')} could not be evaluated." if failed else ""
    caveats = find_caveats(cells, metric)
    without += "".join(f" {caveat}" for caveat in caveats)
    if not ranked:
        text = f"No candidate has a {label} on {dataset}: nothing can be decided."
        return Verdict("", settled=False, tied=(), text=text + without, caveats=caveats)
    best = ranked[0]
    top = f"{best.candidate} has the best mean {label} on {dataset}, {_mean(best.estimates[metric.name])}"
    if len(ranked) == 1:
        others = "no other candidate has one" if len(cells) > 1 else "there is no other candidate to compare it with"
        return Verdict(best.candidate, settled=False, tied=(), text=f"{top}; {others}.{without}", caveats=caveats)
    to_best = {difference.candidate: difference for difference in differences if difference.metric == metric.name}
    tied = tuple(cell.candidate for cell in ranked[1:] if not _is_worse(to_best.get(cell.candidate), metric))
    reason = _tie(tied, to_best) if tied else _win(ranked[1], to_best)
    text = f"{top}. {reason}.{without}"
    return Verdict(best.candidate, settled=not tied, tied=tied, text=text, caveats=caveats)


def _win(second: CellResult, to_best: Mapping[str, Difference]) -> str:
    difference = to_best[second.candidate]
    others = "every other candidate" if len(to_best) > 1 else second.candidate
    records = difference.estimate.records
    return f"It is significantly better than {others}: {_gap(difference)} on the same {records} records"


def _tie(tied: tuple[str, ...], to_best: Mapping[str, Difference]) -> str:
    first = to_best.get(tied[0])
    if first is None:
        return f"It has no scored record in common with {tied[0]}: the two cannot be compared"
    records = first.estimate.records
    if records < FEWEST:
        return f"{_count(records, 'record')} are too few to decide: {_gap(first)}"
    names = tied[0] if len(tied) == 1 else f"{', '.join(tied[:-1])} and {tied[-1]}"
    return (
        f"There is no significant difference from {names} on {records} records: {_gap(first)}, "
        "and the 95 % interval includes 0"
    )


def _is_worse(difference: Difference | None, metric: Metric) -> bool:
    if difference is None or difference.estimate.records < FEWEST:
        return False
    return difference.estimate.low > 0 if metric.higher_is_better is False else difference.estimate.high < 0


def _mean(estimate: Estimate) -> str:
    if estimate.records == 1:
        return _minus(f"{estimate.mean:.3f} on a single record")
    return _minus(f"{estimate.mean:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]")


def _gap(difference: Difference) -> str:
    estimate = difference.estimate
    numbers = _minus(f"{estimate.mean:+.3f} [{estimate.low:+.3f}, {estimate.high:+.3f}]")
    return f"{difference.candidate} differs by {numbers}"


def _minus(numbers: str) -> str:
    return numbers.replace("-", "\N{MINUS SIGN}")


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
