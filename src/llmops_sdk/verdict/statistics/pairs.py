"""Paired differences of all candidates, summed by cluster."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from numpy.typing import NDArray


@attrs.frozen(eq=False)
class Parts:
    """The datasets that records come from, where a mean over all of them is weighted.

    Attributes:
        numbers: Shape (n,), the number of each record's dataset, from 0.
        weights: Shape (datasets,), how much each of them counts; together 1.
    """

    numbers: NDArray[Any]
    weights: NDArray[Any]

    def counts(self, present: NDArray[Any]) -> NDArray[Any]:
        """Return the number of present records of each dataset, shape (datasets,)."""
        import numpy as np

        return np.bincount(self.numbers[present], minlength=len(self.weights))

    def scale(self, present: NDArray[Any]) -> NDArray[Any]:
        """Return what each record counts, shape (n,), so that each dataset counts as its weight; on average 1.

        It is 0 for all where a dataset has no present record: then there is no mean over all datasets.
        """
        import numpy as np

        counts = self.counts(present)
        if not counts.all():
            return np.zeros(self.numbers.size)
        scale: NDArray[Any] = (self.weights * counts.sum() / counts)[self.numbers]
        return scale

    def mean(self, values: NDArray[Any]) -> float:
        """Return the weighted mean of the datasets' means, of values of shape (n,) with NaN where there is none."""
        import numpy as np

        means = [float(np.nanmean(values[self.numbers == number])) for number in range(len(self.weights))]
        return float(self.weights @ np.array(means))


@attrs.frozen(eq=False)
class Scores:
    """The scores of k candidates on the same n records.

    Attributes:
        values: Shape (k, n), a larger number is better; NaN where a score is missing.
        clusters: Shape (n,), the number of each record's cluster, from 0. Records of one cluster depend on each other:
            they come from one document, conversation or prompt. Without clusters each record is one.
        parts: The datasets of the records, for weighted means over several; None for one dataset.
    """

    values: NDArray[Any]
    clusters: NDArray[Any]
    parts: Parts | None = None

    @classmethod
    def of(cls, values: NDArray[Any], clusters: NDArray[Any] | None = None, parts: Parts | None = None) -> Scores:
        """Return scores whose clusters are given by any labels, shape (n,), or by none."""
        import numpy as np

        records = values.shape[1]
        if clusters is None:
            return cls(values, np.arange(records), parts)
        return cls(values, np.unique(clusters, return_inverse=True)[1].reshape(-1), parts)

    def means(self) -> NDArray[Any]:
        """Return the mean of each candidate, shape (k,): the lowest there is for one without a score."""
        import numpy as np

        if self.parts is not None:
            return np.array([self.parts.mean(values) for values in self.values])
        counts = (~np.isnan(self.values)).sum(axis=1)
        means: NDArray[Any] = np.where(counts > 0, np.nansum(self.values, axis=1) / np.maximum(counts, 1), -np.inf)
        return means

    def share(self, marked: NDArray[Any]) -> float:
        """Return the share of the records that are marked, shape (n,): the weighted mean of the datasets' shares."""
        return float(marked.mean()) if self.parts is None else self.parts.mean(marked)

    def of_candidates(self, candidates: list[int]) -> Scores:
        """Return the scores of some candidates."""
        return attrs.evolve(self, values=self.values[candidates])


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
        fewest: Shape (pairs,), the records on the dataset that has the fewest of them; without `parts`, all.

    With the `parts` of weighted datasets, `sums` and `counts` have each record as often as it counts.
    """

    first: NDArray[Any]
    second: NDArray[Any]
    sums: NDArray[Any]
    counts: NDArray[Any]
    wins: NDArray[Any]
    losses: NDArray[Any]
    fewest: NDArray[Any]

    @cached_property
    def records(self) -> NDArray[Any]:
        """The number of records of each pair, shape (pairs,)."""
        import numpy as np

        records: NDArray[Any] = np.rint(self.counts.sum(axis=1))
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

    candidates = len(scores.values)
    first, second = np.triu_indices(candidates, 1)
    clusters = int(scores.clusters.max()) + 1 if scores.clusters.size else 0
    sums, counts = np.zeros((len(first), clusters)), np.zeros((len(first), clusters))
    wins, losses, fewest = (np.zeros(len(first), dtype=int) for _ in range(3))
    for one in range(candidates - 1):  # its pairs at a time, which lie side by side
        own = slice(*np.searchsorted(first, [one, one + 1]))
        differences = scores.values[one] - scores.values[one + 1 :]
        present = ~np.isnan(differences)
        differences = np.where(present, differences, 0.0)
        fewest[own] = present.sum(axis=1)
        if scores.parts is not None:
            scale = np.array([scores.parts.scale(each) for each in present])
            fewest[own] = [scores.parts.counts(each).min() for each in present]
            differences, present = scale * differences, scale * present
        sums[own] = _by_cluster(differences, scores.clusters, clusters)
        counts[own] = _by_cluster(present, scores.clusters, clusters)
        wins[own], losses[own] = (differences > 0).sum(axis=1), (differences < 0).sum(axis=1)
    return Pairs(first, second, _without_rounding(sums), counts, wins, losses, fewest)


def _by_cluster(values: NDArray[Any], labels: NDArray[Any], clusters: int) -> NDArray[Any]:
    """Return the sum of each cluster, shape (rows, clusters), of values of shape (rows, n)."""
    import numpy as np

    if (labels == np.arange(labels.size)).all():
        return values
    places = labels + clusters * np.arange(len(values))[:, None]
    return np.bincount(places.ravel(), values.ravel(), clusters * len(values)).reshape(-1, clusters)


def _without_rounding(sums: NDArray[Any]) -> NDArray[Any]:
    """Return sums with 0 where only rounding keeps them from it, as in 0.1 + 0.2 - 0.3."""
    import numpy as np

    largest = np.abs(sums).max(axis=1, initial=0.0, keepdims=True)
    return np.where(np.abs(sums) <= 1e-12 * largest, 0.0, sums)
