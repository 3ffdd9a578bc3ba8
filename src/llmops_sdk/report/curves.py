"""Trainings and their loss curves, as the report draws them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs

from llmops_sdk.report.axes import Axis, axis
from llmops_sdk.report.numbers import finite
from llmops_sdk.report.script_json import script_json
from llmops_sdk.values.models import TrainedModel, TrainingPoint
from llmops_sdk.values.results import Results

if TYPE_CHECKING:
    from markupsafe import Markup

CURVE_POINTS = 400
"""Points of a drawn curve; a longer one is drawn through the means of equal stretches."""


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


def trainings(results: Results, colours: Mapping[str, int]) -> list[Training]:
    """Return every trained model once, with the candidates that use it.

    Args:
        results: What the run concluded.
        colours: Candidate to its colour.
    """
    users: list[tuple[TrainedModel, str, list[str]]] = []
    for cell in (part for board in results.leaderboards for row in board.cells for part in row.parts):
        if cell.training is None:
            continue
        names = next((names for model, _, names in users if model == cell.training), None)
        if names is None:
            names = []
            users.append((cell.training, cell.candidate, names))
        if cell.label not in names:
            names.append(cell.label)
    return [Training(", ".join(names), colours[candidate], model) for model, candidate, names in users]


def curves_json(drawn: Sequence[Training]) -> Markup:
    """Return the JSON of the loss curves: step, tokens, seconds, loss and held-out loss of every point."""
    points = [
        [[p.step, p.tokens, finite(p.seconds), finite(p.loss), finite(p.held_out_loss)] for p in training.model.curve]
        for training in drawn
    ]
    return script_json(
        [{"label": t.label, "colour": t.colour, "points": p} for t, p in zip(drawn, points, strict=True)]
    )


def curve_plots(drawn: Sequence[Training]) -> list[CurvePlot]:
    """Return the drawing of the loss curves over steps, over tokens and over seconds; none where there is no loss."""
    losses = sorted(p.loss for training in drawn for p in training.model.curve if p.loss is not None)
    held_out = [loss for training in drawn for loss in training.held_out]
    if not losses and not held_out:
        return []
    # The highest one in fifty of the raw losses may leave the drawing, or a spike flattens all the rest.
    y = axis([*losses[: len(losses) - len(losses) // 50], *held_out], pad=0.06)
    plots = []
    for across, of in _ACROSS.items():
        x = axis([0.0, *(of(training.model.curve[-1]) for training in drawn)], count=8)
        plots.append(CurvePlot(across, x, y, tuple(_curve(training, x, y, of) for training in drawn)))
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
    averages, average, weight = [], 0.0, 0.0
    for loss in losses:
        average = keep * average + (1 - keep) * loss
        weight = keep * weight + (1 - keep)
        averages.append(average / weight)
    return averages
