"""Means with bootstrap intervals, paired by record.

The percentile bootstrap of Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13: records are
drawn with replacement, and two quantiles of the means are the interval. The quantiles are the expanded ones of
Hesterberg, "What Teachers Should Know About the Bootstrap" (2015), section 5.3: plain 2.5 % and 97.5 % give too narrow
intervals on few records. All numbers of one set of records share the same draws, so a difference between two
candidates is resampled in pairs.
"""

from __future__ import annotations

import math
from functools import cached_property, lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from llmops_sdk.values.results import Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRAWS = 10_000
CELLS = 20_000_000
"""The most draws times records; above it there are fewer draws (at least 1,000), to bound time and memory."""


@lru_cache(maxsize=16)
class Bootstrap:
    """The draws for a set of records.

    Args:
        records: Their number.
        seed: The same seed gives the same intervals.
    """

    def __init__(self, records: int, seed: int = 0) -> None:
        self.records = records
        self._seed = seed
        self._draws = max(1000, min(DRAWS, CELLS // max(records, 1)))

    def estimate(self, values: NDArray[Any]) -> Estimate | None:
        """Return the mean of the values that are not NaN with its 95 % interval, or None where all are NaN.

        Args:
            values: Shape (records,), one number a record, NaN where there is none.
        """
        import numpy as np

        present = ~np.isnan(values)
        count = int(present.sum())
        if count == 0:
            return None
        mean = math.fsum(values[present]) / count
        if count == 1 or np.ptp(values[present]) == 0:
            return Estimate(mean, mean, mean, count)
        means = self._means(np.where(present, values, 0.0), present if count < self.records else None)
        tail = _tail(count)
        low, high = np.quantile(means, [tail, 1 - tail])
        return Estimate(mean, float(low), float(high), count)

    def _means(self, values: NDArray[Any], present: NDArray[Any] | None) -> NDArray[Any]:
        import numpy as np

        means = np.empty(self._draws)
        for first, counts in self._counts():
            sizes = np.float64(self.records) if present is None else counts @ present.astype(np.float32)
            with np.errstate(invalid="ignore"):  # a draw without any of the numbers has no mean
                means[first : first + len(counts)] = counts @ values.astype(np.float32) / sizes
        return means[~np.isnan(means)]

    def _counts(self) -> Any:
        """Yield blocks of draws: how often each record was drawn, shape (draws of the block, records)."""
        if self.records * self._draws <= CELLS // 4:
            yield 0, self._all
            return
        rng = self._rng()
        block = max(1, CELLS // 8 // self.records)
        for first in range(0, self._draws, block):
            yield first, self._draw(rng, min(block, self._draws - first))

    @cached_property
    def _all(self) -> NDArray[Any]:
        return self._draw(self._rng(), self._draws)

    def _rng(self) -> Any:
        import numpy as np

        return np.random.default_rng(self._seed)

    def _draw(self, rng: Any, draws: int) -> NDArray[Any]:
        import numpy as np

        counts = np.empty((draws, self.records), dtype=np.float32)
        for row in counts:
            row[:] = np.bincount(rng.integers(0, self.records, self.records), minlength=self.records)
        return counts


@lru_cache(maxsize=256)
def _tail(records: int) -> float:
    """Return the share of draws outside each end of a 95 % interval: 0.025 for many records, less for few."""
    normal = NormalDist()
    z, freedom = normal.inv_cdf(0.975), records - 1
    # The quantile of Student's t by its expansion in 1/freedom (Abramowitz and Stegun, 26.7.5).
    t = z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    return normal.cdf(-t * math.sqrt(records / freedom))
