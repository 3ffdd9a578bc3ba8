"""Medians of runs, and ratios between the runs of two tools that alternate, as cells of a table."""

from __future__ import annotations

import statistics
from itertools import cycle
from typing import Any

Result = dict[str, Any]


def versus(label: str, theirs: list[Result], own: list[Result]) -> str:
    """Return a row with seconds and CPU-seconds of both sides, and their ratios."""
    their_median, median = medians(theirs), medians(own)
    return (
        f"| {label} | {their_median['wall']:.1f} | {their_median['cpu']:.1f} | {median['wall']:.1f} | {median['cpu']:.1f} "
        f"| {ratio(theirs, own, 'wall')} | {ratio(theirs, own, 'cpu')} |"
    )


def ratio(above: list[Result], below: list[Result], name: str) -> str:
    """Return the median of the ratios of neighbouring runs, with the lowest and the highest; a single run is each one's neighbour."""
    ratios = sorted(one[name] / other[name] for one, other in zip(cycle(above), below, strict=False))
    if above == below or len(ratios) == 1:
        return f"{ratios[0]:.2f}x"
    return f"{statistics.median(ratios):.2f}x ({ratios[0]:.2f}-{ratios[-1]:.2f})"


def medians(runs: list[Result]) -> Result:
    """Return the median of each number of runs."""
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}
