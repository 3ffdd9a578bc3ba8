"""The verdict on a leaderboard, in words that claim no more than the evidence does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.values.results import CellResult, Estimate, FailedCell, Verdict
from llmops_sdk.verdict.caveats import find_caveats
from llmops_sdk.verdict.statistics.comparison import FEWEST_CLUSTERS, FEWEST_RECORDS, Comparison, PairComparison
from llmops_sdk.verdict.statistics.intervals import mean_interval
from llmops_sdk.verdict.statistics.sample_size import detectable_difference, needed_records
from llmops_sdk.verdict.table import MetricTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_NAMED = 4
_LEVEL = 0.05


@attrs.frozen(eq=False)
class Evidence:
    """What a verdict rests on.

    Attributes:
        dataset: The dataset's name.
        table: The scores in the metric that decides.
        cells: The candidates with a result, best first; the table's places are those of this tuple.
        failed: Those without one.
        comparison: Of the table's candidates, or None if it has none.
        clusters: Labels of the records that depend on each other, shape (records,); None if none do.
    """

    dataset: str
    table: MetricTable
    cells: tuple[CellResult, ...]
    failed: tuple[FailedCell, ...]
    comparison: Comparison | None
    clusters: NDArray[Any] | None = None

    @property
    def label(self) -> str:
        """The metric as people read it."""
        return self.table.metric.label or self.table.metric.name

    def name(self, row: int) -> str:
        """The candidate of a row of the table."""
        return self.cells[self.table.candidates[row]].candidate

    def estimate(self, row: int) -> Estimate:
        """Its mean."""
        return self.cells[self.table.candidates[row]].estimates[self.table.metric.name]


def conclude(evidence: Evidence) -> Verdict:
    """Conclude from the scores of one dataset."""
    caveats = find_caveats(evidence.cells, evidence.table.metric)
    failed = len(evidence.failed)
    without = f" {_count(failed, 'candidate')} could not be evaluated." if failed else ""
    without += "".join(f" {caveat}" for caveat in caveats)
    comparison = evidence.comparison
    if comparison is None:
        text = f"No candidate has a {evidence.label} on {evidence.dataset}: nothing can be decided."
        return Verdict("", settled=False, tied=(), text=text + without, caveats=caveats)
    best = comparison.best[0]
    name = evidence.name(best)
    if len(evidence.table.candidates) == 1:
        others = "no other candidate has one" if len(evidence.cells) > 1 else "there is no other candidate"
        text = f"{name} has a mean {evidence.label} of {_mean(evidence.estimate(best))} on {evidence.dataset}; {others} to compare it with."
        return Verdict(name, settled=False, tied=(), text=text + without, caveats=caveats)
    problem = _no_claim(evidence, comparison)
    worse = () if problem else comparison.worse
    tied = (*comparison.best[1:], *comparison.tied, *(comparison.worse if problem else ()))
    sentences = [_top(evidence, comparison, worse, tied)]
    sentences += [problem] if problem else _others(evidence, best, worse, tied)
    spread = _spread(evidence)
    return Verdict(
        best=name,
        settled=not tied,
        tied=tuple(map(evidence.name, tied)),
        text=" ".join(sentences) + without,
        caveats=caveats,
        worse=tuple(map(evidence.name, worse)),
        notes=tuple(_notes(evidence, best, tied, spread)),
        best_interval=_best_interval(evidence, best),
        detectable=_detectable(evidence, spread),
        needed_records=_needed(evidence, best, tied),
    )


def _no_claim(evidence: Evidence, comparison: Comparison) -> str:
    """Return why nothing may be claimed at all, or an empty text."""
    table = evidence.table
    if table.has_worthless_failures:
        failures = int(table.failures.sum())
        return (
            f"Nothing is decided: {_count(failures, 'record')} without a usable answer would have to count as the worst "
            f"{evidence.label}, and it has no worst value."
        )
    most = max(pair.records for pair in comparison.pairs)
    if 0 < most < FEWEST_RECORDS:
        return f"{_count(most, 'record')} {'is' if most == 1 else 'are'} too few to decide: it takes at least {FEWEST_RECORDS}."
    return ""


def _top(evidence: Evidence, comparison: Comparison, worse: Sequence[int], tied: Sequence[int]) -> str:
    best = comparison.best[0]
    mean = f"mean {evidence.label} {_mean(evidence.estimate(best))} on {evidence.dataset}"
    if len(comparison.best) > 1:
        return f"{_names(list(map(evidence.name, comparison.best)))} have the same best {mean}."
    if worse and not tied:
        return f"{evidence.name(best)} is the best: {mean}."
    end = "lowest" if evidence.table.sign < 0 else "highest"
    return f"{evidence.name(best)} has the {end} {mean}."


def _others(evidence: Evidence, best: int, worse: Sequence[int], tied: Sequence[int]) -> Iterator[str]:
    if tied:
        names = _names(list(map(evidence.name, tied)))
        yield f"{names} cannot be told apart from it: {_gap(evidence, best, tied[0])}."
        if reason := _too_few(evidence, best, tied[0]):
            yield reason
    if worse:
        names = _names(list(map(evidence.name, worse)))
        are = "is" if len(worse) == 1 else "are"
        yield f"{names} {are} worse: {_gap(evidence, best, worse[0])}."


def _too_few(evidence: Evidence, best: int, other: int) -> str:
    pair = _pair(evidence, best, other)
    if pair.clusters >= FEWEST_CLUSTERS or pair.records < FEWEST_RECORDS or pair.mean == 0:
        return ""
    noun = "groups of records" if evidence.clusters is not None else "records"
    return f"They differ on {pair.clusters} {noun} only, and no claim is possible on fewer than {FEWEST_CLUSTERS}."


def _gap(evidence: Evidence, best: int, other: int) -> str:
    pair = _pair(evidence, best, other)
    if not pair.records:
        return f"it has no scored record in common with {evidence.name(other)}"
    sign = evidence.table.sign
    low, high = (pair.interval.low, pair.interval.high) if sign > 0 else (pair.interval.high, pair.interval.low)
    ends = f" [{_signed(low, sign)}, {_signed(high, sign)}]" if low is not None and high is not None else ""
    return (
        f"{evidence.name(best)} differs from {evidence.name(other)} by {_signed(pair.mean, sign)}{ends}, with {_count(pair.wins, 'win')}, "
        f"{_count(pair.losses, 'loss')} and {_count(pair.ties, 'tie')} on {pair.records} records"
    )


def _notes(evidence: Evidence, best: int, tied: Sequence[int], spread: float) -> Iterator[str]:
    """Yield what else the numbers mean, a sentence each."""
    detectable = _detectable(evidence, spread)
    if detectable is not None:
        yield (
            f"These records show a difference of {detectable:.2g} in four of five runs."
        )
    needed = _needed(evidence, best, tied)
    if needed is not None:
        pair = _pair(evidence, best, tied[0])
        yield (
            f"To tell {evidence.name(best)} and {evidence.name(tied[0])} apart at the difference seen here, {abs(pair.mean):.2g}, takes "
            f"about {needed:,} records, if it is the true one."
        )
    count = len(evidence.table.candidates)
    interval = _best_interval(evidence, best)
    if interval is not None and count > 2 and interval.low is not None and interval.high is not None:  # noqa: PLR2004 - of two the choice matters little
        yield (
            f"The best of {count} means tends to be too good: allowing for the choice, that of {evidence.name(best)} lies in "
            f"[{_number(interval.low)}, {_number(interval.high)}]. Ask fresh records before you quote it."
        )
    if any(cell.fine_tuned for cell in evidence.cells):
        yield "This compares the checkpoints of this run: another training seed may give another order."
    if evidence.table.left_out:
        yield f"{_count(evidence.table.left_out, 'record')} without a {evidence.label} of every candidate are left out for all."


def _pair(evidence: Evidence, first: int, second: int) -> PairComparison:
    assert evidence.comparison is not None
    return evidence.comparison.pair(first, second)


def _spread(evidence: Evidence) -> float:
    """Return the median standard deviation of the paired differences, by record; NaN without any."""
    import numpy as np

    values = evidence.table.values
    deviations = [
        float(np.nanstd(values[pair.first] - values[pair.second], ddof=1))
        for pair in (evidence.comparison.pairs if evidence.comparison else ())
        if pair.records > 1
    ]
    return float(np.median(deviations)) if deviations else float("nan")


def _detectable(evidence: Evidence, spread: float) -> float | None:
    assert evidence.comparison is not None
    records = max(pair.records for pair in evidence.comparison.pairs)
    if records < FEWEST_RECORDS or not spread > 0 or evidence.clusters is not None:
        return None
    return detectable_difference(records, spread, len(evidence.table.candidates))


def _needed(evidence: Evidence, best: int, tied: Sequence[int]) -> int | None:
    """Return how many records it takes to find the difference from the nearest tie, if it is the true one."""
    import numpy as np

    if not tied or evidence.clusters is not None:
        return None
    pair = _pair(evidence, best, tied[0])
    if pair.records < FEWEST_RECORDS or pair.mean == 0:
        return None
    values = evidence.table.values
    deviation = float(np.nanstd(values[best] - values[tied[0]], ddof=1))
    needed = needed_records(abs(pair.mean), deviation, len(evidence.table.candidates))
    return needed if needed > pair.records else None


def _best_interval(evidence: Evidence, best: int) -> Estimate | None:
    """Return the best one's mean with an interval at 1 - .05 / k: the best of k means tends to be too good."""
    import numpy as np

    values: NDArray[Any] = evidence.table.values[best]
    present = ~np.isnan(values)
    count = len(evidence.table.candidates)
    labels = np.arange(values.size) if evidence.clusters is None else evidence.clusters
    interval = mean_interval(values[present], labels[present], evidence.table.metric.bounds, level=1 - _LEVEL / count)
    return Estimate(float(values[present].mean()), interval.low, interval.high, int(present.sum()))


def _mean(estimate: Estimate) -> str:
    if estimate.records == 1:
        return f"{_number(estimate.mean)} on a single record"
    if estimate.low is None or estimate.high is None:
        return _number(estimate.mean)
    return f"{_number(estimate.mean)} [{_number(estimate.low)}, {_number(estimate.high)}]"


def _number(value: float) -> str:
    return _minus(f"{value:.3f}")


def _signed(value: float, sign: int) -> str:
    return _minus(f"{sign * value + 0.0:+.3f}")


def _minus(numbers: str) -> str:
    return numbers.replace("-", "\N{MINUS SIGN}")


def _names(names: Sequence[str]) -> str:
    if len(names) > _MOST_NAMED:
        names = [*names[:_MOST_NAMED], f"{len(names) - _MOST_NAMED} others"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _count(count: int, noun: str) -> str:
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"
