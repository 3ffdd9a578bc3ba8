"""Agreement between raters: Krippendorff's alpha for numbers, with a bootstrap interval.

Alpha is 1 minus the observed disagreement by the one that chance would give; 1 is full agreement, 0 that of chance, and it
is below 0 where raters disagree more than by chance. Disagreement is the squared difference: grades are an interval
scale here. Krippendorff, "Computing Krippendorff's alpha-reliability" (University of Pennsylvania, 2011). The interval
is the percentile bootstrap over records: answers to one record are not independent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRAWS = 2000
"""Bootstrap draws of an interval."""

_PAIR = 2
_TINY = 1e-12


@attrs.frozen
class Alpha:
    """Krippendorff's alpha.

    Attributes:
        value: The alpha; None where there is no variation, or nothing that two raters rated.
        low: Lower end of its 95 % interval, or None.
        high: Upper end of it, or None.
        units: The number of units that two or more raters rated.
    """

    value: float | None
    low: float | None
    high: float | None
    units: int


def krippendorff_alpha(ratings: NDArray[Any], clusters: NDArray[Any] | None = None, *, seed: int = 0) -> Alpha:
    """Return the agreement of raters.

    Args:
        ratings: Shape (raters, units), NaN where a rater did not rate a unit.
        clusters: Shape (units,), any labels of units that depend on each other; None if none do.
        seed: The same seed gives the same interval.
    """
    import numpy as np

    rated = ~np.isnan(ratings)
    paired = rated.sum(axis=0) >= _PAIR
    if not paired.any():
        return Alpha(None, None, None, 0)
    values = np.where(rated, ratings, 0.0)[:, paired]
    values = np.where(rated[:, paired], values - values.sum() / rated[:, paired].sum(), 0.0)  # centred: no cancellation
    counts, sums, squares = rated[:, paired].sum(axis=0), values.sum(axis=0), (values**2).sum(axis=0)
    observed = 2 * (counts * squares - sums**2) / (counts - 1)
    parts = np.stack([observed, counts, sums, squares])
    labels = np.arange(parts.shape[1]) if clusters is None else clusters[paired]
    labels = np.unique(labels, return_inverse=True)[1].reshape(-1)
    by_cluster = np.stack([np.bincount(labels, part) for part in parts])
    alpha = float(_alphas(by_cluster.sum(axis=1)[:, None])[0])
    units = int(paired.sum())
    if np.isnan(alpha):
        return Alpha(None, None, None, units)
    groups = by_cluster.shape[1]
    if groups < _PAIR:
        return Alpha(alpha, None, None, units)
    draws = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), size=DRAWS)
    alphas = _alphas(by_cluster @ draws.T)
    low, high = np.nanquantile(alphas, [0.025, 0.975])
    return Alpha(alpha, float(low), float(high), units)


def _alphas(parts: NDArray[Any]) -> NDArray[Any]:
    """Return alphas from observed disagreements, counts, sums and sums of squares, shape (4, draws); NaN without variation."""
    import numpy as np

    observed, counts, sums, squares = parts
    expected = 2 * (counts * squares - sums**2) / np.maximum(counts - 1, 1)
    alphas = np.full(expected.shape, np.nan)
    varies = expected > _TINY * np.maximum(squares, _TINY)
    np.divide(observed, expected, out=alphas, where=varies)
    return 1 - alphas
