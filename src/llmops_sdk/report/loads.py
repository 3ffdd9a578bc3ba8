"""How fast endpoints were under load, as a plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from llmops_sdk.report.axes import Axis, axis
from llmops_sdk.values.load import LoadLevel, ModelLoad
from llmops_sdk.values.results import Results


@attrs.frozen
class LoadPoint:
    """An endpoint with one number of requests in flight: where it stands in the plot, from the left and from the top."""

    concurrency: int
    across: str
    up: str


@attrs.frozen
class LoadLine:
    """An endpoint, from the fewest requests in flight to the most.

    Attributes:
        model: The model.
        colour: Its colour: that of its first candidate.
        line: In thousandths of width and height.
        points: Where something was answered.
    """

    model: str
    colour: int
    line: str
    points: tuple[LoadPoint, ...]


@attrs.frozen
class LoadPlot:
    """The endpoints of a run.

    Attributes:
        lines: One for each.
        across: The scale of answers in a second.
        up: The scale of the latency in seconds.
        latency: Which latency, in words.
    """

    lines: tuple[LoadLine, ...]
    across: Axis
    up: Axis
    latency: str


def load_plot(loads: Sequence[ModelLoad], colours: Mapping[str, int]) -> LoadPlot | None:
    """Return the plot of what was measured; None where fewer than two numbers of requests in flight were answered.

    Args:
        loads: What was measured.
        colours: Model to its colour.
    """
    answered = {load.model: [level for level in load.levels if level.latency_p50 is not None] for load in loads}
    levels = [level for each in answered.values() for level in each]
    if len(levels) < 2:  # noqa: PLR2004 - one point shows nothing
        return None
    has_p95 = all(level.latency_p95 is not None for level in levels)

    def seconds(level: LoadLevel) -> float:
        return (level.latency_p95 if has_p95 else level.latency_p50) or 0.0

    across = axis([0.0, *(level.requests_per_second for level in levels)], pad=0.08)
    up = axis([0.0, *map(seconds, levels)], pad=0.08)

    def line(model: str, own: Sequence[LoadLevel]) -> LoadLine:
        places = [(across.share(level.requests_per_second), up.share(seconds(level))) for level in own]
        points = (
            LoadPoint(level.concurrency, across.at(level.requests_per_second), up.up(seconds(level))) for level in own
        )
        drawn = " ".join(f"{1000 * x:.1f},{1000 - 1000 * y:.1f}" for x, y in places)
        return LoadLine(model, colours[model], drawn, tuple(points))

    lines = tuple(line(model, own) for model, own in answered.items())
    return LoadPlot(lines, across, up, "95th percentile of the latency" if has_p95 else "median latency")


def model_colours(results: Results, colours: Mapping[str, int]) -> dict[str, int]:
    """Return the colour of each model that was measured: that of its first candidate.

    Args:
        results: What the run concluded.
        colours: Candidate to its colour.
    """
    cells = [cell for board in results.leaderboards for cell in board.cells]
    own = {cell.model: colours[cell.candidate] for cell in reversed(cells)}
    return {load.model: own.get(load.model, place) for place, load in enumerate(results.loads)}
