"""Every candidate against the baseline: whether it is no worse by more than the margin, in words and numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.values.estimates import Estimate, MarginResult
from llmops_sdk.values.results import CellResult
from llmops_sdk.verdict.statistics.checkpoints import CheckpointScores, checkpoints_within_margin
from llmops_sdk.verdict.statistics.comparison import FEWEST_CLUSTERS, FEWEST_RECORDS, MANY_MISSING
from llmops_sdk.verdict.statistics.flips import flip
from llmops_sdk.verdict.statistics.margins import MarginTest, compare_with_margin
from llmops_sdk.verdict.statistics.pairs import Scores, make_pairs
from llmops_sdk.verdict.statistics.sample_size import needed_for_margin
from llmops_sdk.verdict.table import MetricTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_NAMED = 4


@attrs.frozen
class Baseline:
    """What candidates are compared with.

    Attributes:
        candidate: Its name.
        margin: The difference that does not matter, above 0, in the metric's unit.
    """

    candidate: str
    margin: float


def against_baseline(
    table: MetricTable,
    clusters: NDArray[Any] | None,
    cells: tuple[CellResult, ...],
    baseline: Baseline,
    level: float = 0.05,
) -> tuple[MarginResult, ...]:
    """Compare every other candidate with the baseline.

    A claim needs enough records and clusters; where many scores of a candidate are missing, it must also hold with the
    worst score in their place.

    Args:
        table: The scores in the metric that decides.
        clusters: Labels of the records that depend on each other, shape (records,); None if none do.
        cells: The candidates; the table's places are those of this tuple.
        baseline: The baseline and the margin.
        level: Of each side, for all candidates together.
    """
    names = [cells[place].candidate for place in table.candidates]
    if baseline.candidate not in names or len(names) == 1:
        return ()
    row = names.index(baseline.candidate)
    scores = table.checkpoint_scores(clusters)
    tests = margin_tests(table, scores, row, baseline.margin, level)
    worst = scores if table.bounds is None else scores.with_missing(row, table.bounds[0])
    filled = {test.candidate: test for test in margin_tests(table, worst, row, baseline.margin, level)}
    means = scores.means()
    return tuple(_result(table, means, names, row, test, filled[test.candidate], baseline.margin) for test in tests)


def margin_tests(
    table: MetricTable, scores: CheckpointScores, row: int, margin: float, level: float = 0.05
) -> tuple[MarginTest, ...]:
    """Return the test of every other candidate against the baseline, in their order.

    Args:
        table: The scores in the metric.
        scores: Those of the table, a larger number being better; missing ones may be filled in.
        row: The place of the baseline in the table.
        margin: The difference that does not matter, in the metric's unit.
        level: Of each side, for all candidates together.
    """
    if table.has_seeds:
        return checkpoints_within_margin(scores, row, margin, bounds=table.bounds, level=level)
    pairs = make_pairs(scores.means())
    bounds = table.metric.bounds
    largest = bounds[1] - bounds[0] if bounds else None
    return compare_with_margin(pairs, flip(pairs), row, margin, largest=largest, level=level)


def _result(  # one candidate with all that decides about it
    table: MetricTable, scores: Scores, names: list[str], row: int, test: MarginTest, filled: MarginTest, margin: float
) -> MarginResult:
    import numpy as np

    values = scores.values[[test.candidate, row]]
    shared = ~np.isnan(values).any(axis=0)
    records, clusters = int(shared.sum()), len(np.unique(scores.clusters[shared]))
    absent = np.isnan(values)
    missing, of_baseline = scores.share(absent[0] & ~absent[1]), scores.share(absent[1] & ~absent[0])
    fewest = int(scores.parts.counts(shared).min()) if scores.parts else records
    holds = missing <= MANY_MISSING or (table.bounds is not None and filled.no_worse)
    problem = find_problem(table, fewest, clusters)
    no_worse = test.no_worse and holds and not problem
    equivalent = no_worse and test.equivalent
    is_below = test.bounds.high is not None and test.bounds.high < -margin
    worse = is_below and not problem and max(missing, of_baseline) <= MANY_MISSING
    low, high = test.bounds.low, test.bounds.high
    mean = test.mean
    if table.sign < 0:
        mean, low, high = -mean, None if high is None else -high, None if low is None else -low
    deviation = float(np.std(values[0][shared] - values[1][shared], ddof=1)) if records > 1 else 0.0
    needed = needed_for_margin(margin, deviation, equivalence=False) if deviation else 0
    name, baseline = names[test.candidate], names[row]
    parts = margin_words(name, baseline, margin, no_worse=no_worse, equivalent=equivalent, worse=worse)
    ends = f" [{signed(low)}, {signed(high)}]" if low is not None and high is not None else ""
    text = f"{parts}: {signed(mean)}{ends}" if fewest else f"{parts}: they have no scored record in common"
    if problem:
        text += f"; {problem}"
    elif (
        not no_worse
        and not worse
        and needed > records
        and not (scores_are_grouped(scores) or table.has_seeds or scores.parts)
    ):
        text += f"; if they are equal, it takes about {needed:,} records to show it"
    estimate = Estimate(mean, low, high, records)
    return MarginResult(name, baseline, margin, estimate, no_worse, equivalent, f"{text}.", worse)


def scores_are_grouped(scores: Scores) -> bool:
    """Whether some records depend on each other."""
    return int(scores.clusters.max(initial=-1)) + 1 < scores.clusters.size


def find_problem(table: MetricTable, records: int, clusters: int) -> str:
    """Return why nothing may be claimed, or an empty text.

    Args:
        table: The scores.
        records: The records that a claim rests on.
        clusters: The clusters of these records.
    """
    if table.has_worthless_failures:
        return "records without a usable answer have no worst score to count as"
    if records < FEWEST_RECORDS or clusters < FEWEST_CLUSTERS:
        return "there are too few records"
    return ""


def margin_words(name: str, baseline: str, margin: float, *, no_worse: bool, equivalent: bool, worse: bool) -> str:
    """Return what is shown of a candidate against the baseline."""
    if equivalent:
        return f"{name} is equivalent to {baseline} within {margin:g}"
    if no_worse:
        return f"{name} is no worse than {baseline} by more than {margin:g}"
    if worse:
        return f"{name} is worse than {baseline} by more than {margin:g}"
    return f"{name} is not shown to be no worse than {baseline} by {margin:g}"


def signed(value: float) -> str:
    """Return a difference as words have it."""
    return f"{value + 0.0:+.3f}".replace("-", "\N{MINUS SIGN}")


def margin_sentences(results: tuple[MarginResult, ...]) -> Iterator[str]:
    """Yield the sentences of the first candidates, and the number of the others."""
    shown = results if len(results) == _MOST_NAMED + 1 else results[:_MOST_NAMED]
    yield from (result.text for result in shown)
    if others := results[len(shown) :]:
        passed = sum(result.no_worse for result in others)
        yield f"{passed} of {len(others)} more candidates {'is' if passed == 1 else 'are'} no worse than {others[0].baseline}."
