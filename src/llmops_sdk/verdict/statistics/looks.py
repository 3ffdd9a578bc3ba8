"""Planned looks at a run that is not finished: the level at each, so that all together keep theirs.

Lan and DeMets, "Discrete sequential boundaries for clinical trials" (Biometrika 70, 1983), with the spending function
that approximates O'Brien and Fleming's boundaries: almost nothing is spent early. The chance to stop at a look but not
before is integrated over a grid (Armitage, McPherson and Rowe, JRSS A 132, 1969).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from llmops_sdk.verdict.statistics.distributions import NORMAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

EARLIEST = 0.3
"""The share of all records before which no look is planned: earlier levels are finer than the flips resolve."""

_GRID = 2001

_ROUNDING = 1e-9


@lru_cache(maxsize=64)
def look_levels(shares: tuple[float, ...], level: float = 0.05) -> tuple[float, ...]:
    """Return the two-sided level of the test at each look.

    Args:
        shares: The share of all records at each look, increasing, the last one 1.
        level: Of all looks together.

    Raises:
        ValueError: The shares do not increase to 1, or the first is below `EARLIEST`.
    """
    import numpy as np

    if not shares or shares[-1] != 1 or list(shares) != sorted(set(shares)) or shares[0] < EARLIEST:
        message = f"looks are shares of the records that increase from at least {EARLIEST:g} to 1, not {shares}"
        raise ValueError(message)
    spent = [_spent(share, level) for share in shares]
    boundaries: list[float] = []
    grid = np.zeros(1)
    density = np.ones(1)
    before = 0.0
    for share, until, already in zip(shares, spent, [0.0, *spent[:-1]], strict=True):
        step = math.sqrt(share - before)
        boundary = _boundary(grid, density, step, share, until - already)
        boundaries.append(boundary)
        grid, density = _continue(grid, density, step, boundary * math.sqrt(share))
        before = share
    return tuple(2 * NORMAL.cdf(-boundary) for boundary in boundaries)


def _spent(share: float, level: float) -> float:
    """Return what may be spent up to a share of the records: on each of two sides 2 - 2 Phi(z / sqrt(share))."""
    return 4 * NORMAL.cdf(-NORMAL.inv_cdf(1 - level / 4) / math.sqrt(share))


def _boundary(grid: NDArray[Any], density: NDArray[Any], step: float, share: float, allowed: float) -> float:
    """Return the boundary that the sum crosses with probability `allowed` at this look, having crossed none before."""
    low, high = 0.0, 10.0
    for _ in range(50):
        middle = (low + high) / 2
        if _crossing(grid, density, step, middle * math.sqrt(share)) > allowed:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _crossing(grid: NDArray[Any], density: NDArray[Any], step: float, limit: float) -> float:
    """Return how often the sum is beyond the limit after one more step; on both sides alike."""
    import numpy as np

    above = np.array([math.erfc(distance) for distance in ((limit - grid) / (step * math.sqrt(2))).tolist()])
    return float(density @ above)


def _continue(
    grid: NDArray[Any], density: NDArray[Any], step: float, limit: float
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the weights of the sum on a new grid inside the limit, after one more step."""
    import numpy as np

    limit = min(limit, 8.0)
    inside = np.linspace(-limit, limit, _GRID)
    width = inside[1] - inside[0]
    kernel = np.exp(-(((inside[:, None] - grid[None, :]) / step) ** 2) / 2) / (step * math.sqrt(2 * math.pi))
    weights = (kernel @ density) * width
    weights[[0, -1]] /= 2
    return inside, weights


def look_of_places(count: int, shares: Sequence[float]) -> bytes:
    """Return the look from which on each record is asked, in the order in which they are; the first look is 1.

    Args:
        count: The number of records.
        shares: The share of all records at each look.

    >>> list(look_of_places(6, (0.3, 0.5, 1.0)))
    [1, 1, 2, 3, 3, 3]
    """
    ends = [math.ceil(share * count - _ROUNDING) for share in shares]
    return bytes(1 + sum(end <= place for end in ends) for place in range(count))


def even_looks(looks: int) -> tuple[float, ...]:
    """Return the shares of the records at each look: evenly spaced, the first one no earlier than `EARLIEST`.

    >>> [round(share, 2) for share in even_looks(3)], [round(share, 2) for share in even_looks(4)]
    ([0.33, 0.67, 1.0], [0.3, 0.53, 0.77, 1.0])
    """
    first = max(EARLIEST, 1 / looks)
    return (*(first + place * (1 - first) / (looks - 1) for place in range(looks - 1)), 1.0)
