"""Paired differences of all candidates, summed by cluster."""

from __future__ import annotations

from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from numpy.typing import NDArray


@attrs.frozen(eq=False)
class Scores:
    """The scores of k candidates on the same n records.

    Attributes:
        values: Shape (k, n), a larger number is better; NaN where a score is missing.
        clusters: Shape (n,), the number of each record's cluster, from 0. Records of one cluster depend on each other:
            they come from one document, conversation or prompt. Without clusters each record is one.
    """

    values: NDArray[Any]
    clusters: NDArray[Any]

    @classmethod
    def of(cls, values: NDArray[Any], clusters: NDArray[Any] | None = None) -> Scores:
        """Return scores whose clusters are given by any labels, shape (n,), or by none."""
        import numpy as np

        records = values.shape[1]
        if clusters is None:
            return cls(values, np.arange(records))
        return cls(values, np.unique(clusters, return_inverse=True)[1].reshape(-1))

    def of_candidates(self, candidates: list[int]) -> Scores:
        """Return the scores of some candidates."""
        return Scores(self.values[candidates], self.clusters)


@attrs.frozen(eq=False)
class Pairs:
    """The differences of all pairs of candidates, the first minus the second, on the records that both have.

    Attributes:
        first: Shape (pairs,), the place of each pair's first candidate.
        second: Shape (pairs,), that of its second one.
        sums: Shape (pairs, clusters), the sum of each cluster's differences.
        counts: Shape (pairs, clusters), the number of records they rest on.
        wins: Shape (pairs,), records on which the first candidate has the larger number.
        losses: Shape (pairs,), records on which the second one has.
    """

    first: NDArray[Any]
    second: NDArray[Any]
    sums: NDArray[Any]
    counts: NDArray[Any]
    wins: NDArray[Any]
    losses: NDArray[Any]

    @cached_property
    def records(self) -> NDArray[Any]:
        """The number of records of each pair, shape (pairs,)."""
        records: NDArray[Any] = self.counts.sum(axis=1)
        return records

    @cached_property
    def nonzero(self) -> NDArray[Any]:
        """The number of clusters in which each pair differs, shape (pairs,)."""
        nonzero: NDArray[Any] = (self.sums != 0).sum(axis=1)
        return nonzero

    @cached_property
    def norms(self) -> NDArray[Any]:
        """The root of each pair's summed squares, shape (pairs,)."""
        import numpy as np

        norms: NDArray[Any] = np.sqrt((self.sums**2).sum(axis=1))
        return norms

    @cached_property
    def signed(self) -> NDArray[Any]:
        """The statistic of each pair with its sign, shape (pairs,): sum by root of summed squares, 0 where all are 0.

        It is a monotone function of the paired t, and free of units: a noisy candidate does not hide the others.
        """
        import numpy as np

        statistics: NDArray[Any] = np.zeros(len(self.sums))
        np.divide(self.sums.sum(axis=1), self.norms, out=statistics, where=self.norms > 0)
        return statistics

    def place(self, first: int, second: int) -> int:
        """Return the place of the pair of two candidates, in either order."""
        low, high = sorted((first, second))
        places = ((self.first == low) & (self.second == high)).nonzero()[0]
        return int(places[0])


def make_pairs(scores: Scores) -> Pairs:
    """Return the differences of all pairs of candidates, in the order (0, 1), (0, 2), ..., (1, 2), ..."""
    import numpy as np

    couples = list(combinations(range(len(scores.values)), 2))
    clusters = int(scores.clusters.max()) + 1 if scores.clusters.size else 0
    alone = bool((scores.clusters == np.arange(scores.clusters.size)).all())
    sums, counts = np.zeros((len(couples), clusters)), np.zeros((len(couples), clusters))
    wins, losses = np.zeros(len(couples), dtype=int), np.zeros(len(couples), dtype=int)
    for place, (first, second) in enumerate(couples):
        differences = scores.values[first] - scores.values[second]
        present = ~np.isnan(differences)
        differences = np.where(present, differences, 0.0)
        if alone:
            sums[place], counts[place] = differences, present
        else:
            sums[place] = np.bincount(scores.clusters, differences, clusters)
            counts[place] = np.bincount(scores.clusters, present, clusters)
        wins[place], losses[place] = (differences > 0).sum(), (differences < 0).sum()
    first, second = np.array(couples, dtype=int).reshape(-1, 2).T
    return Pairs(first, second, _without_rounding(sums), counts, wins, losses)


def _without_rounding(sums: NDArray[Any]) -> NDArray[Any]:
    """Return sums with 0 where only rounding keeps them from it, as in 0.1 + 0.2 - 0.3."""
    import numpy as np

    largest = np.abs(sums).max(axis=1, initial=0.0, keepdims=True)
    return np.where(np.abs(sums) <= 1e-12 * largest, 0.0, sums)
