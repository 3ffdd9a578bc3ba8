"""Quality, latency and cost of the candidates as a plot."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

from llmops_sdk.report.axes import Axis, axis
from llmops_sdk.values.costs import Amount, CandidateCost
from llmops_sdk.values.estimates import Estimate
from llmops_sdk.values.results import CellResult, Leaderboard
from llmops_sdk.verdict.costs import per_1000

HEIGHT, LINE = 260.0, 15.0
"""Of the plot, and of a name in it, in pixels."""

SMALLEST, LARGEST = 5.0, 16.0
"""Radii of the fastest and the slowest candidate, in pixels; one whose latency is not known has the smallest."""


@attrs.frozen
class CostPoint:
    """A candidate in the plot.

    Attributes:
        cell: The candidate.
        cost: What it cost and will cost.
        price: What 1,000 answers cost.
        quality: Its mean in the metric that decides.
        radius: Of its dot: its area grows with the mean latency.
        is_right: Whether it stands in the right half, so that its name is to the left of the dot.
        down: How far below the middle of the dot its name stands, in pixels: names do not cover each other.
    """

    cell: CellResult
    cost: CandidateCost
    price: Amount
    quality: Estimate
    radius: float
    is_right: bool = False
    down: float = 0.0


@attrs.frozen
class CostPlot:
    """The candidates whose quality and price are known.

    Attributes:
        points: The candidates.
        across: The scale of prices.
        up: The scale of the metric that decides.
    """

    points: tuple[CostPoint, ...]
    across: Axis
    up: Axis


def cost_plot(board: Leaderboard) -> CostPlot | None:
    """Return the plot of a leaderboard; None where the price of fewer than two candidates is known."""
    known = [
        (cell, cell.cost, price, cell.estimates[board.metric])
        for cell in board.cells
        if cell.cost and board.metric in cell.estimates and (price := per_1000(cell.cost)) is not None
    ]
    if len(known) < 2:  # noqa: PLR2004 - one point shows nothing
        return None
    slowest = max((cost.latency.mean for _, cost, _, _ in known if cost.latency), default=0.0)
    points = tuple(
        CostPoint(cell, cost, price, quality, _radius(cost, slowest)) for cell, cost, price, quality in known
    )
    prices = [end for point in points for end in _ends(point.price.low, point.price.mean, point.price.high)]
    means = [end for point in points for end in _ends(point.quality.low, point.quality.mean, point.quality.high)]
    across, up = axis([0.0, *prices], pad=0.08), axis(means, pad=0.15)
    return CostPlot(_with_names(points, across, up), across, up)


def has_costs(cells: Sequence[CellResult]) -> bool:
    """Return whether anything is known of what candidates cost."""
    return any(cell.cost and (cell.cost.per_1000 is not None or cell.cost.training_usd is not None) for cell in cells)


def _with_names(points: Sequence[CostPoint], across: Axis, up: Axis) -> tuple[CostPoint, ...]:
    """Return the points with the places of their names: those of one half stand below each other."""
    lowest = {False: -math.inf, True: -math.inf}
    placed = {}
    for point in sorted(points, key=lambda point: -up.share(point.quality.mean)):
        is_right = across.share(point.price.mean) > 0.5  # noqa: PLR2004 - half of the width
        middle = HEIGHT * (1 - up.share(point.quality.mean))
        lowest[is_right] = max(middle, lowest[is_right] + LINE)
        placed[point.cell.candidate] = attrs.evolve(point, is_right=is_right, down=lowest[is_right] - middle)
    return tuple(placed[point.cell.candidate] for point in points)


def _radius(cost: CandidateCost, slowest: float) -> float:
    if cost.latency is None or not slowest:
        return SMALLEST
    return SMALLEST + (LARGEST - SMALLEST) * math.sqrt(cost.latency.mean / slowest)


def _ends(*ends: float | None) -> list[float]:
    return [end for end in ends if end is not None]
