"""Axes and loss curves, as the report draws them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs

from llmops_sdk.values.models import TrainedModel, TrainingPoint
from llmops_sdk.values.results import Estimate

CURVE_POINTS = 400
"""Points of a drawn curve; a longer one is drawn through the means of equal stretches."""


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
    ends = [end for estimate in estimates for end in (estimate.low, estimate.high, estimate.mean)]
    return axis([*ends, *also] or [0.0, 1.0], pad=0.08)


@attrs.frozen
class Training:
    """A trained model, who uses it, and its colour."""

    label: str
    colour: int
    model: TrainedModel

    @property
    def held_out(self) -> tuple[float, ...]:
        """The held-out losses, in the order they were taken."""
        return tuple(point.held_out_loss for point in self.model.curve if point.held_out_loss is not None)


@attrs.frozen
class Curve:
    """One model's losses as drawn: lines in thousandths of width and height, held-out points in per cent."""

    label: str
    colour: int
    raw: str
    smooth: str
    held_out_line: str
    held_out: tuple[tuple[str, str], ...]


@attrs.frozen
class CurvePlot:
    """The losses of all models over steps, tokens or seconds."""

    across: str
    x: Axis
    y: Axis
    curves: tuple[Curve, ...]


_ACROSS: Mapping[str, Callable[[TrainingPoint], float]] = {
    "steps": lambda point: point.step,
    "tokens": lambda point: point.tokens,
    "seconds": lambda point: point.seconds,
}


def curve_plots(trainings: Sequence[Training]) -> list[CurvePlot]:
    """Return the drawing of the loss curves over steps, over tokens and over seconds; none where there is no loss."""
    losses = sorted(p.loss for training in trainings for p in training.model.curve if p.loss is not None)
    held_out = [loss for training in trainings for loss in training.held_out]
    if not losses and not held_out:
        return []
    # The highest one in fifty of the raw losses may leave the drawing, or a spike flattens all the rest.
    y = axis([*losses[: len(losses) - len(losses) // 50], *held_out], pad=0.06)
    plots = []
    for across, of in _ACROSS.items():
        x = axis([0.0, *(of(training.model.curve[-1]) for training in trainings)], count=8)
        plots.append(CurvePlot(across, x, y, tuple(_curve(training, x, y, of) for training in trainings)))
    return plots


def _curve(training: Training, x: Axis, y: Axis, of: Callable[[TrainingPoint], float]) -> Curve:
    points = training.model.curve
    raw = _thinned([(of(p), p.loss) for p in points if p.loss is not None])
    held_out = [(of(p), p.held_out_loss) for p in points if p.held_out_loss is not None]

    def line(places: Iterable[tuple[float, float]]) -> str:
        return " ".join(f"{1000 * x.share(a):.1f},{1000 - 1000 * y.share(b):.1f}" for a, b in places)

    smooth = line(zip([place for place, _ in raw], smoothed([loss for _, loss in raw]), strict=True))
    dots = tuple((x.at(place), y.up(loss)) for place, loss in held_out)
    return Curve(training.label, training.colour, line(raw), smooth, line(held_out), dots)


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    size = math.ceil(len(points) / CURVE_POINTS) or 1
    stretches = [points[start : start + size] for start in range(0, len(points), size)]
    return [(stretch[-1][0], math.fsum(loss for _, loss in stretch) / len(stretch)) for stretch in stretches]


def smoothed(losses: Sequence[float]) -> list[float]:
    """Return the exponential moving average over about an eighth of the values, corrected for its start at zero."""
    keep = 1 - 2 / (max(3.0, len(losses) / 8) + 1)
    found, average, weight = [], 0.0, 0.0
    for loss in losses:
        average = keep * average + (1 - keep) * loss
        weight = keep * weight + (1 - keep)
        found.append(average / weight)
    return found
