"""Axes: linear scales with round ticks, as the report draws them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import attrs

from llmops_sdk.values.estimates import Estimate


@attrs.frozen
class Axis:
    """A linear scale over the width or the height of a drawing, with round ticks."""

    low: float
    high: float
    ticks: tuple[float, ...]
    decimals: int

    def share(self, value: float) -> float:
        """Return where a value stands: 0 at the low end, 1 at the high one."""
        return (value - self.low) / (self.high - self.low)

    def at(self, value: float) -> str:
        """Return where a value stands from the left."""
        return f"{100 * self.share(value):.2f}%"

    def up(self, value: float) -> str:
        """Return where a value stands from the top, the high end being there."""
        return f"{100 - 100 * self.share(value):.2f}%"

    def label(self, tick: float) -> str:
        """Write a tick with as many decimals as the step between ticks has."""
        return f"{tick + 0.0:,.{self.decimals}f}".replace("-", "\N{MINUS SIGN}")


def axis(values: Sequence[float], *, pad: float = 0.0, count: int = 5) -> Axis:
    """Return a scale that holds the values and `pad` of their width on both sides, with about `count` ticks."""
    low, high = min(values), max(values)
    width = (high - low) or abs(high) or 1.0
    margin = pad * width if high > low else width / 2
    low, high = low - margin, high + margin
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * next((factor for factor in (1, 2, 5) if power * factor >= raw), 10)
    places = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    return Axis(low, high, tuple(place * step for place in places), max(0, -math.floor(math.log10(step) + 1e-9)))


def interval_axis(estimates: Iterable[Estimate], *also: float) -> Axis:
    """Return the common scale of intervals, and of other values that it must show."""
    ends = [end for estimate in estimates for end in (estimate.low, estimate.high, estimate.mean) if end is not None]
    return axis([*ends, *also] or [0.0, 1.0], pad=0.08)
