"""The baseline of a pipeline: the candidate that the others must not be worse than, by more than a margin."""

from __future__ import annotations

import math
from collections.abc import Sequence

from llmops_sdk.errors import SpecError, did_you_mean
from llmops_sdk.values.plan import Cell
from llmops_sdk.values.scores import Metric

MARGIN = 0.05
"""The difference that does not matter where a specification may leave it out, as a share of the metric's range."""


def choose_baseline(cells: Sequence[Cell], metric: Metric, named: str, margin: float | None) -> str:
    """Return the candidate that is the baseline, or an empty text if none is named.

    Args:
        cells: The candidates on their datasets.
        metric: The metric that decides.
        named: The candidate's name, or that of its model.
        margin: The difference that does not matter, in the metric's unit.

    Raises:
        SpecError: There is no such candidate, or several of that model; the margin is missing, not above 0, or not in the
            metric's unit.
    """
    if not named and margin is None:
        return ""
    if not named:
        message = f"margin {margin} needs a baseline: name the candidate that the others are compared with"
        raise SpecError(message)
    if margin is None:
        message = (
            f"baseline {named!r} needs a margin: the difference in {metric.name} that does not matter, such as 0.02"
        )
        raise SpecError(message)
    check_margin(margin, metric)
    candidates = tuple(dict.fromkeys(cell.candidate for cell in cells))
    if named not in candidates:
        of_model = tuple(dict.fromkeys(cell.candidate for cell in cells if cell.model == named))
        if len(of_model) > 1:
            message = f"baseline {named!r} has several prompts: name one of its candidates: {', '.join(of_model)}"
            raise SpecError(message)
        if not of_model:
            message = f"the baseline {named!r} is no candidate of this run{did_you_mean(named, candidates)}"
            raise SpecError(message)
        (named,) = of_model
    if len(candidates) == 1:
        message = f"the baseline {named!r} is the only candidate: add the one that it is compared with"
        raise SpecError(message)
    return named


def choose_margin(margin: float | None, metric: Metric, where: str, example: str) -> float:
    """Return a margin that a specification may leave out: by default 5 % of the metric's range.

    Args:
        margin: What the specification has, or None.
        metric: The metric that decides.
        where: How error messages start.
        example: How a margin is written.

    Raises:
        SpecError: It does not fit the metric, or is missing and the metric has no range.
    """
    if margin is not None:
        try:
            check_margin(margin, metric)
        except SpecError as exc:
            message = f"{where}: {exc}"
            raise SpecError(message) from None
        return float(margin)
    if metric.bounds is None:
        message = f"{where} needs a margin, because {metric.name} has no bounds that it could be a share of: {example}"
        raise SpecError(message)
    return MARGIN * (metric.bounds[1] - metric.bounds[0])


def check_margin(margin: float, metric: Metric) -> None:
    """Check a difference that does not matter.

    Raises:
        SpecError: It is not a number above 0, or not smaller than the metric's range.
    """
    is_number = isinstance(margin, (int, float)) and not isinstance(margin, bool)
    if not (is_number and math.isfinite(margin) and margin > 0):
        message = f"margin is the difference in {metric.name} that does not matter, a number above 0 such as 0.02, not {margin!r}"
        raise SpecError(message)
    if metric.bounds is not None and margin >= metric.bounds[1] - metric.bounds[0]:
        low, high = metric.bounds
        message = f"margin {margin:g} leaves nothing to show: {metric.name} lies between {low:g} and {high:g}; give the margin in the metric's unit"
        raise SpecError(message)
