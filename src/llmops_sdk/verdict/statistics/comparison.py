"""Which of k candidates is best, which cannot be told apart from it, and which are worse.

The candidates that may be the best are found by elimination. One that was dropped is worse only if its own test and
interval against the named best show it too, so that the sentence never contradicts the numbers beside it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.verdict.statistics.elimination import eliminate
from llmops_sdk.verdict.statistics.flips import FLIPS, Null, flip
from llmops_sdk.verdict.statistics.intervals import Interval, difference_intervals
from llmops_sdk.verdict.statistics.pairs import Pairs, Scores, make_pairs
from llmops_sdk.verdict.statistics.recipes import RecipeTest

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST_RECORDS = 10
"""Records of a pair below which nothing is claimed of it."""

FEWEST_CLUSTERS = 6
"""Clusters with a difference below which nothing is claimed: no pattern of so few signs is rare enough."""

MANY_MISSING = 0.05
"""The share of a candidate's missing scores above which a claim for it must also hold with the worst scores in their place."""


@attrs.frozen
class PairComparison:
    """Two candidates on the records that both have a score for.

    Attributes:
        first: The place of the one.
        second: The place of the other.
        mean: The mean difference, first minus second; a larger number is better.
        interval: Of the difference, with 95 % for this pair alone.
        simultaneous: Of the difference, with 95 % for all pairs together.
        p_value: Of this pair alone.
        adjusted: Adjusted for all pairs.
        records: The number of records.
        clusters: The number of clusters in which they differ.
        wins: Records on which the first is better.
        losses: Records on which the second is.
        recipe: The test with the training seeds as a source of chance, where a candidate has several; else None.
        fewest: The number of records on the dataset that has the fewest of them, where datasets are weighted; otherwise
            that of all records, or None.
    """

    first: int
    second: int
    mean: float
    interval: Interval
    simultaneous: Interval
    p_value: float
    adjusted: float
    records: int
    clusters: int
    wins: int
    losses: int
    recipe: RecipeTest | None = None
    fewest: int | None = None

    @property
    def ties(self) -> int:
        """Records on which neither is better."""
        return self.records - self.wins - self.losses

    @property
    def is_enough(self) -> bool:
        """Whether there are enough records and clusters for a claim."""
        records = self.records if self.fewest is None else self.fewest
        return records >= FEWEST_RECORDS and self.clusters >= FEWEST_CLUSTERS

    def differs(self, level: float) -> bool:
        """Whether the two differ by their own test and by the interval that is shown."""
        return self.is_enough and self.p_value <= level and self.interval.excludes(0.0)


@attrs.frozen
class Comparison:
    """What the scores allow to say.

    Attributes:
        best: The candidates with the largest mean: one, or several with the same; none if there is no candidate.
        tied: The others that cannot be told apart from it, best mean first.
        worse: Those that are worse, best mean first.
        p_values: By place, at which level a candidate is dropped from those that may be the best.
        pairs: All pairs.
    """

    best: tuple[int, ...]
    tied: tuple[int, ...]
    worse: tuple[int, ...]
    p_values: tuple[float, ...]
    pairs: tuple[PairComparison, ...]

    def pair(self, first: int, second: int) -> PairComparison:
        """Return the comparison of two candidates, as first minus second."""
        pair = self._by_places.get((first, second))
        return reverse(self._by_places[second, first]) if pair is None else pair

    @cached_property
    def _by_places(self) -> Mapping[tuple[int, int], PairComparison]:
        return {(pair.first, pair.second): pair for pair in self.pairs}


def compare(
    scores: Scores,
    *,
    bounds: tuple[float, float] | None = None,
    level: float = 0.05,
    flips: int = FLIPS,
    seed: int = 0,
    versus: int | None = None,
) -> Comparison:
    """Compare all candidates.

    Args:
        scores: Their scores; one candidate has at least one. There may be no candidate.
        bounds: The worst and the best score that the metric can have, None if it declares none.
        level: The share of runs in which an equal candidate may be called worse.
        flips: The number of random patterns of signs.
        seed: The same seed gives the same numbers.
        versus: A candidate: the result has only its pairs and those of the best ones with those that were dropped, at
            the level of all pairs. None: it has all of them.
    """
    candidates = len(scores.values)
    if candidates == 0:
        return Comparison((), (), (), (), ())
    means = scores.means()
    pairs = make_pairs(scores)
    null = flip(pairs, flips=flips, seed=seed)
    elimination = eliminate(pairs, null, candidates, level)
    top = max(means[place] for place in elimination.left)
    best = tuple(place for place in elimination.left if means[place] == top)
    everyone = range(candidates)
    dropped = [place for place in everyone if place not in elimination.left]
    places = None if versus is None else _between(pairs, [versus], everyone) | _between(pairs, best, dropped)
    compared = _compare_pairs(pairs, null, bounds, level, places)
    comparison = Comparison(best, (), (), elimination.p_values, compared)
    others = sorted((place for place in range(candidates) if place not in best), key=lambda place: -means[place])
    worse = tuple(
        place
        for place in others
        if place in dropped
        and all(
            holds(scores, comparison.pair(one, place), bounds=bounds, level=level, flips=flips, seed=seed)
            for one in best
        )
    )
    return attrs.evolve(comparison, worse=worse, tied=tuple(place for place in others if place not in worse))


def find_worse(
    scores: Scores, *, bounds: tuple[float, float] | None = None, level: float = 0.05, flips: int = FLIPS, seed: int = 0
) -> tuple[int, ...]:
    """Return the candidates that are worse, as `compare` does: faster where none is, because no pair is looked at.

    The arguments are those of `compare`; there are one or more candidates.
    """
    pairs, candidates = make_pairs(scores), len(scores.values)
    elimination = eliminate(pairs, flip(pairs, flips=flips, seed=seed), candidates, level)
    if len(elimination.left) == candidates:
        return ()
    return compare(scores, bounds=bounds, level=level, flips=flips, seed=seed).worse


def compare_two(
    scores: Scores, *, bounds: tuple[float, float] | None = None, level: float = 0.05, flips: int = FLIPS, seed: int = 0
) -> PairComparison:
    """Compare two candidates; the arguments are those of `compare`."""
    pairs = make_pairs(scores)
    (result,) = _compare_pairs(pairs, flip(pairs, flips=flips, seed=seed), bounds, level)
    return result


def holds(
    scores: Scores,
    pair: PairComparison,
    *,
    bounds: tuple[float, float] | None = None,
    level: float = 0.05,
    flips: int = FLIPS,
    seed: int = 0,
) -> bool:
    """Return whether a claim that the second of a pair is worse holds, missing scores of the first at the worst as well.

    The other arguments are those of `compare`.
    """
    import numpy as np

    if pair.mean <= 0 or not pair.differs(level):
        return False
    favoured, other = scores.values[[pair.first, pair.second]]
    missing = np.isnan(favoured) & ~np.isnan(other)
    if scores.share(missing) <= MANY_MISSING:
        return True
    if bounds is None:
        return False
    filled = attrs.evolve(scores, values=np.stack([np.where(missing, bounds[0], favoured), other]))
    result = compare_two(filled, bounds=bounds, level=level, flips=flips, seed=seed)
    return result.mean > 0 and result.differs(level)


def reverse(pair: PairComparison) -> PairComparison:
    """Return the comparison as second minus first."""

    def turned(interval: Interval) -> Interval:
        return Interval(
            None if interval.high is None else -interval.high, None if interval.low is None else -interval.low
        )

    return attrs.evolve(
        pair,
        first=pair.second,
        second=pair.first,
        mean=-pair.mean,
        interval=turned(pair.interval),
        simultaneous=turned(pair.simultaneous),
        wins=pair.losses,
        losses=pair.wins,
    )


def _compare_pairs(
    pairs: Pairs, null: Null, bounds: tuple[float, float] | None, level: float, marked: NDArray[Any] | None = None
) -> tuple[PairComparison, ...]:
    """Return what is known of each pair; only of those that are marked, shape (pairs,), where some are."""
    import numpy as np

    largest = abs(bounds[1] - bounds[0]) if bounds else None
    p_values, adjusted, common = null.p_values(pairs), null.adjusted(pairs), null.critical(level)
    places = np.arange(len(pairs.first)) if marked is None else np.flatnonzero(marked)
    with np.errstate(invalid="ignore"):  # a pair without a common record has no mean
        means = pairs.sums.sum(axis=1) / pairs.counts.sum(axis=1)

    def compared(place: int, critical: float) -> PairComparison:
        own, simultaneous = difference_intervals(
            pairs.sums[place], pairs.counts[place], [critical, common], largest=largest
        )
        return PairComparison(
            first=int(pairs.first[place]),
            second=int(pairs.second[place]),
            mean=float(means[place]),
            interval=own,
            simultaneous=simultaneous,
            p_value=float(p_values[place]),
            adjusted=float(adjusted[place]),
            records=int(pairs.records[place]),
            clusters=int(pairs.nonzero[place]),
            wins=int(pairs.wins[place]),
            losses=int(pairs.losses[place]),
            fewest=int(pairs.fewest[place]),
        )

    return tuple(map(compared, places.tolist(), null.criticals(level, places)))


def _between(pairs: Pairs, some: Collection[int], others: Collection[int]) -> NDArray[Any]:
    """Return which pairs have one of some candidates and one of others, shape (pairs,)."""
    import numpy as np

    these, those = list(some), list(others)
    between: NDArray[Any] = (np.isin(pairs.first, these) & np.isin(pairs.second, those)) | (
        np.isin(pairs.first, those) & np.isin(pairs.second, these)
    )
    return between
