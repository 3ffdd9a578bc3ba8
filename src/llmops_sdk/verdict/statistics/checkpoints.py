"""Candidates of which some have several checkpoints, trained with different seeds: which is best, and which are worse.

What `comparison` is for candidates without seeds. All pairs are tested with the seeds as a source of chance, and their p
values adjusted by Holm for the number of pairs; a candidate is worse if it differs from the best by both its adjusted p
value and its interval.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.verdict.statistics.comparison import MANY_MISSING, Comparison, PairComparison
from llmops_sdk.verdict.statistics.margins import MarginTest
from llmops_sdk.verdict.statistics.pairs import Parts, Scores, make_pairs
from llmops_sdk.verdict.statistics.recipes import compare_recipes, holm

if TYPE_CHECKING:
    from numpy.typing import NDArray


@attrs.frozen(eq=False)
class CheckpointScores:
    """The scores of k candidates on the same n records.

    Attributes:
        checkpoints: For each candidate shape (checkpoints, n), a larger number is better; NaN where a score is missing.
        clusters: Shape (n,), the number of each record's cluster, from 0.
        parts: The datasets of the records, for weighted means over several of candidates without seeds; None for one.
    """

    checkpoints: tuple[NDArray[Any], ...]
    clusters: NDArray[Any]
    parts: Parts | None = None

    @classmethod
    def of(
        cls, checkpoints: Iterable[NDArray[Any]], clusters: NDArray[Any] | None = None, parts: Parts | None = None
    ) -> CheckpointScores:
        """Return scores whose clusters are given by any labels, shape (n,), or by none."""
        checkpoints = tuple(checkpoints)
        return cls(checkpoints, Scores.of(checkpoints[0], clusters).clusters, parts)

    def means(self) -> Scores:
        """Return the means over checkpoints, on the records that all checkpoints of a candidate have."""
        import numpy as np

        return Scores(np.stack([scores.mean(axis=0) for scores in self.checkpoints]), self.clusters, self.parts)

    def with_missing(self, versus: int, worst: float) -> CheckpointScores:
        """Return the scores with the worst one in place of those that are missing for a candidate, but not for another."""
        import numpy as np

        present = ~np.isnan(self.checkpoints[versus]).any(axis=0)
        filled = (np.where(np.isnan(scores) & present, worst, scores) for scores in self.checkpoints)
        return CheckpointScores(tuple(filled), self.clusters, self.parts)


def compare_checkpoints(
    scores: CheckpointScores, *, bounds: tuple[float, float] | None = None, level: float = 0.05
) -> Comparison:
    """Compare all candidates.

    Args:
        scores: Their scores; each candidate has at least one that all of its checkpoints have. There may be no candidate.
        bounds: The worst and the best score that the metric can have, None if it declares none.
        level: The share of runs in which an equal candidate may be called worse.
    """
    import numpy as np

    candidates = len(scores.checkpoints)
    if candidates == 0:
        return Comparison((), (), (), (), ())
    averages = scores.means()
    means = np.nanmean(averages.values, axis=1)
    best = tuple(int(place) for place in np.flatnonzero(means == means.max()))
    comparison = Comparison(best, (), (), (1.0,) * candidates, _compare_pairs(scores, averages, bounds, level))
    others = sorted((place for place in range(candidates) if place not in best), key=lambda place: -means[place])
    worse = tuple(
        place for place in others if all(_holds(scores, comparison.pair(one, place), bounds, level) for one in best)
    )
    p_values = [1.0 if place in best else comparison.pair(best[0], place).adjusted for place in range(candidates)]
    tied = tuple(place for place in others if place not in worse)
    return attrs.evolve(comparison, worse=worse, tied=tied, p_values=tuple(p_values))


def checkpoints_within_margin(
    scores: CheckpointScores,
    baseline: int,
    margin: float,
    *,
    bounds: tuple[float, float] | None = None,
    level: float = 0.05,
) -> tuple[MarginTest, ...]:
    """Compare every candidate with the baseline, in their order; the level is that of each side, for all of them together.

    Args:
        scores: Their scores.
        baseline: The place of the baseline.
        margin: Above 0, in the metric's unit.
        bounds: The worst and the best score that the metric can have, None if it declares none.
        level: Shared equally by the candidates.
    """
    others = [place for place in range(len(scores.checkpoints)) if place != baseline]
    tests = []
    for place in others:
        test = compare_recipes(
            scores.checkpoints[place], scores.checkpoints[baseline], scores.clusters, largest=_largest(bounds)
        )
        sides = test.interval(1 - 2 * level / len(others))
        no_worse = sides.low is not None and sides.low > -margin
        no_better = sides.high is not None and sides.high < margin
        tests.append(MarginTest(place, test.mean, sides, no_worse, no_worse and no_better))
    return tuple(tests)


def _largest(bounds: tuple[float, float] | None) -> float | None:
    return abs(bounds[1] - bounds[0]) if bounds else None


def _compare_pairs(
    scores: CheckpointScores, averages: Scores, bounds: tuple[float, float] | None, level: float
) -> tuple[PairComparison, ...]:
    couples = list(combinations(range(len(scores.checkpoints)), 2))
    counts = make_pairs(averages)
    tests = [
        compare_recipes(
            scores.checkpoints[first], scores.checkpoints[second], scores.clusters, largest=_largest(bounds)
        )
        for first, second in couples
    ]
    adjusted = holm([test.p_value for test in tests])
    return tuple(
        PairComparison(
            first=first,
            second=second,
            mean=test.mean,
            interval=test.interval(1 - level),
            simultaneous=test.interval(1 - level / len(couples)),
            p_value=test.p_value,
            adjusted=adjusted[place],
            records=test.records,
            clusters=int(counts.nonzero[place]),
            wins=int(counts.wins[place]),
            losses=int(counts.losses[place]),
            recipe=test,
        )
        for place, ((first, second), test) in enumerate(zip(couples, tests, strict=True))
    )


def _holds(scores: CheckpointScores, pair: PairComparison, bounds: tuple[float, float] | None, level: float) -> bool:
    """Whether a claim that the second of a pair is worse holds, missing scores of the first at the worst as well."""
    import numpy as np

    if pair.mean <= 0 or pair.adjusted > level or not pair.differs(level):
        return False
    favoured, other = scores.checkpoints[pair.first], scores.checkpoints[pair.second]
    missing = np.isnan(favoured).any(axis=0) & ~np.isnan(other).any(axis=0)
    if missing.mean() <= MANY_MISSING:
        return True
    if bounds is None:
        return False
    filled = scores.with_missing(pair.second, bounds[0]).checkpoints[pair.first]
    result = compare_recipes(filled, other, scores.clusters)
    return result.mean > 0 and result.p_value <= level
