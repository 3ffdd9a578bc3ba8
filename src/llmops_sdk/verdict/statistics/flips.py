"""Sign flips: how large the statistics of pairs become where no candidate is better.

Where two candidates are equally good, the sign of a cluster's summed difference could as well be the other one. All
pairs are flipped alike, which keeps their correlation. The test needs no distribution: it is exact at any number of
clusters for symmetric differences, and holds for many clusters otherwise, because the statistics are self-normalised
(Canay, Romano, Shaikh, "Randomization tests under an approximate symmetry assumption", Econometrica 85, 2017). For
two candidates and scores of 0 and 1 it is McNemar's exact test.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.verdict.statistics.pairs import Pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

FLIPS = 9_999
"""Random patterns of signs; with 9,999 a p value of .05 is known to 0.2 points."""

EXACT = 13
"""Clusters up to which all patterns are tried."""

NORMAL_ABOVE = 10_000
"""Clusters above which the statistics are drawn from their normal limit, whose cost does not depend on the records."""

_TOLERANCE = 1e-5
"""Relative difference below which two statistics are equal: they are computed in single precision."""

_CELLS = 8_000_000
"""Signs held in memory at a time."""


@attrs.frozen(eq=False)
class Null:
    """The statistics of pairs under flips.

    Attributes:
        signed: Shape (patterns, pairs); the first pattern is the one without a flip, which always counts. In memory the
            patterns of one pair lie side by side, because most work goes over them.
    """

    signed: NDArray[Any]

    def p_value(self, statistic: float, columns: NDArray[Any] | list[int]) -> float:
        """Return how often the largest statistic of some pairs, without its sign, is at least this one."""
        return float((self._largest(columns) >= abs(statistic) * (1 - _TOLERANCE)).mean())

    def p_values(self, pairs: Pairs) -> NDArray[Any]:
        """Return each pair's own p value, without a correction for the number of pairs; shape (pairs,)."""
        import numpy as np

        statistics = np.abs(pairs.signed) * (1 - _TOLERANCE)
        p_values: NDArray[Any] = (np.abs(self.signed) >= statistics).mean(axis=0)
        return p_values

    def adjusted(self, pairs: Pairs) -> NDArray[Any]:
        """Return each pair's p value adjusted for all pairs, by single-step max-T; shape (pairs,).

        Westfall and Young, "Resampling-Based Multiple Testing" (1993), section 2.3.
        """
        import numpy as np

        largest = np.sort(self._largest(slice(None)))
        statistics = np.abs(pairs.signed) * (1 - _TOLERANCE)
        p_values: NDArray[Any] = 1 - np.searchsorted(largest, statistics, side="left") / len(largest)
        return p_values

    def critical(self, level: float) -> float:
        """Return what the largest statistic of all pairs exceeds exactly where its p value is at most `level`.

        It is infinite where no pattern is rare enough: with fewer than six clusters at a level of .05.
        """
        return _quantile(self._largest(slice(None)), level)

    def criticals(self, level: float, columns: NDArray[Any]) -> list[float]:
        """Return, for each of some pairs, what its own statistic exceeds where its own p value is at most `level`."""
        import numpy as np

        block = max(1, _CELLS // len(self.signed))
        blocks = (columns[start : start + block] for start in range(0, len(columns), block))
        return [value for places in blocks for value in _quantiles(np.abs(self.signed.T[places]), level)]

    def one_sided(self, level: float, signs: NDArray[Any], columns: NDArray[Any] | list[int]) -> float:
        """Return what the largest of some pairs' statistics, times `signs`, must exceed for a one-sided p of `level`."""
        return _quantile((self.signed[:, columns] * signs).max(axis=1), level)

    def _largest(self, columns: NDArray[Any] | list[int] | slice) -> NDArray[Any]:
        import numpy as np

        largest: NDArray[Any] = np.abs(self.signed.T[columns]).max(axis=0, initial=0.0)
        return largest


def flip(pairs: Pairs, *, flips: int = FLIPS, seed: int = 0) -> Null:
    """Return the statistics of all pairs under sign flips.

    Clusters without any difference are left out: their sign does not matter. All patterns are tried where there are at
    most `EXACT` clusters, `flips` random ones otherwise, and draws of the statistics' normal limit above
    `NORMAL_ABOVE`.

    Args:
        pairs: The differences.
        flips: The number of random patterns.
        seed: The same seed gives the same p values.
    """
    import numpy as np

    varying = (pairs.sums != 0).any(axis=0)
    scale = np.where(pairs.norms > 0, pairs.norms, 1.0)
    units = (pairs.sums[:, varying] / scale[:, None]).astype(np.float32)
    observed = pairs.signed.astype(np.float32)[None, :]
    clusters = units.shape[1]
    if clusters == 0:
        return Null(np.zeros((1, len(units)), dtype=np.float32))
    if clusters <= EXACT:
        return Null((units @ _all_signs(clusters).T).T)
    if clusters > NORMAL_ABOVE:
        return Null(np.concatenate([observed, _normal(units, flips, seed)]))
    blocks = [(units @ signs.T).T for signs in _random_signs(clusters, flips, seed)]
    return Null(np.concatenate([observed, *blocks]))


def _quantile(statistics: NDArray[Any], level: float) -> float:
    """Return the smallest of the statistics that at most a share `level` of them exceeds; infinity for none of them."""
    return _quantiles(statistics[None], level)[0]


def _quantiles(statistics: NDArray[Any], level: float) -> list[float]:
    """Return the `_quantile` of each row of statistics."""
    import numpy as np

    rows, patterns = statistics.shape
    beyond = int(level * patterns + 1e-9)
    if beyond == 0:
        return [math.inf] * rows
    place = patterns - 1 - beyond
    return [value / (1 - _TOLERANCE) for value in np.partition(statistics, place)[:, place].tolist()]


@lru_cache(maxsize=EXACT)
def _all_signs(clusters: int) -> NDArray[Any]:
    """Return all patterns except for the sign of the whole, shape (2 ** (clusters - 1), clusters); none flipped first."""
    import numpy as np

    numbers = np.arange(2 ** (clusters - 1))[:, None]
    signs: NDArray[Any] = (1 - 2 * (numbers >> np.arange(clusters) & 1)).astype(np.float32)
    return signs


def _random_signs(clusters: int, flips: int, seed: int) -> Iterator[NDArray[Any]]:
    """Yield random patterns in blocks, shape (patterns of the block, clusters)."""
    if clusters * flips <= _CELLS:
        yield _kept_signs(clusters, flips, seed)
        return
    import numpy as np

    rng = np.random.default_rng(seed)
    block = max(1, _CELLS // clusters)
    for first in range(0, flips, block):
        yield _draw(rng, min(block, flips - first), clusters)


@lru_cache(maxsize=4)
def _kept_signs(clusters: int, flips: int, seed: int) -> NDArray[Any]:
    import numpy as np

    return _draw(np.random.default_rng(seed), flips, clusters)


def _draw(rng: Any, flips: int, clusters: int) -> NDArray[Any]:
    import numpy as np

    bits = np.unpackbits(rng.integers(0, 256, (flips, -(-clusters // 8)), dtype=np.uint8), axis=1, count=clusters)
    signs: NDArray[Any] = bits.astype(np.float32)
    signs *= 2
    signs -= 1
    return signs


def _normal(units: NDArray[Any], draws: int, seed: int) -> NDArray[Any]:
    """Return draws of normal numbers with the correlation of the pairs' sums, shape (draws, pairs)."""
    import numpy as np

    correlation = (units @ units.T).astype(np.float64)
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    normal = np.random.default_rng(seed).standard_normal((draws, len(units)))
    draws_of_pairs: NDArray[Any] = (normal @ root.T).astype(np.float32)
    return draws_of_pairs
