"""Quantiles that Python's standard library lacks: Student's t, beta and the studentised range."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist

NORMAL = NormalDist()

_HALF = 0.5
_HALVINGS = 60
_STEPS = 300
_PRECISION = 1e-15
_FAR = 1e12
_TINY = 1e-300


def t_cdf(value: float, freedom: float) -> float:
    """Return the probability that Student's t is at most `value` (Abramowitz and Stegun, 26.7.1).

    Args:
        value: A number.
        freedom: Degrees of freedom, above 0; they need not be whole.
    """
    if math.isinf(freedom):
        return NORMAL.cdf(value)
    outside = beta_cdf(freedom / (freedom + value * value), freedom / 2, 0.5) / 2
    return outside if value < 0 else 1 - outside


@lru_cache(maxsize=4096)
def t_quantile(probability: float, freedom: float) -> float:
    """Return the number that Student's t does not exceed with this probability, between 0 and 1, both excluded."""
    if probability == _HALF:
        return 0.0
    if probability < _HALF:
        return -t_quantile(1 - probability, freedom)
    if math.isinf(freedom):
        return NORMAL.inv_cdf(probability)
    log_scale = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - 0.5 * math.log(freedom * math.pi)
    value = _solve(lambda number: t_cdf(number, freedom), probability, halvings=8)
    for _ in range(4):  # Newton's steps, from near by
        density = math.exp(log_scale - (freedom + 1) / 2 * math.log1p(value * value / freedom))
        value -= (t_cdf(value, freedom) - probability) / density
    return value


def beta_cdf(x: float, a: float, b: float) -> float:
    """Return the probability that a beta distributed number is at most `x` (Abramowitz and Stegun, 26.5.8, by Lentz's method).

    Args:
        x: Between 0 and 1.
        a: The first shape, above 0.
        b: The second shape, above 0.
    """
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_cdf(1 - x, b, a)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    c, d = 1.0, 1 / _nonzero(1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, _STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d, c = 1 / _nonzero(1 + even * d), _nonzero(1 + even / c)
        fraction *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d, c = 1 / _nonzero(1 + odd * d), _nonzero(1 + odd / c)
        fraction *= d * c
        if abs(d * c - 1) < _PRECISION:
            break
    return front * fraction


def beta_quantile(probability: float, a: float, b: float) -> float:
    """Return the number that a beta distributed one does not exceed with this probability, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if beta_cdf(middle, a, b) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


@lru_cache(maxsize=256)
def range_quantile(probability: float, candidates: int) -> float:
    """Return the quantile of the largest absolute difference of `candidates` independent normal numbers, by sqrt 2.

    It is the studentised range with infinite degrees of freedom by sqrt 2: for two candidates the normal quantile
    itself (1.96), and what the largest of all pairs' statistics must exceed for more.

    Args:
        probability: Such as 0.95.
        candidates: Two or more.
    """
    import numpy as np

    grid = np.linspace(-8, 8, 2001)
    density = np.exp(-grid * grid / 2) / math.sqrt(2 * math.pi)
    cumulative = np.array([NORMAL.cdf(value) for value in grid])

    def cdf(width: float) -> float:
        below = np.interp(grid - width * math.sqrt(2), grid, cumulative, left=0.0)
        inside = (cumulative - below) ** (candidates - 1)
        return float(candidates * (density * inside).sum() * (grid[1] - grid[0]))

    return _solve(cdf, probability)


def _solve(cdf: Callable[[float], float], probability: float, halvings: int = _HALVINGS) -> float:
    """Return where an increasing function of numbers above 0 reaches a probability, by bisection."""
    low, high = 0.0, 1.0
    while cdf(high) < probability and high < _FAR:
        low, high = high, high * 2
    for _ in range(halvings):
        middle = (low + high) / 2
        if cdf(middle) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _nonzero(number: float) -> float:
    return number if abs(number) > _TINY else _TINY
