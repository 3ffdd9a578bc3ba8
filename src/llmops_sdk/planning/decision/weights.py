"""The weights of a pipeline's datasets, for a verdict over all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from llmops_sdk.errors import SpecError, did_you_mean
from llmops_sdk.planning.specification.spec import Spec
from llmops_sdk.values.plan import Cell


def choose_weights(spec: Spec, datasets: Sequence[str], cells: Sequence[Cell]) -> Mapping[str, float]:
    """Return the weight of each dataset, in the datasets' order; empty without weights.

    Args:
        spec: The specification.
        datasets: The names of the datasets.
        cells: The candidates on their datasets.

    Raises:
        SpecError: There is one dataset, a name is unknown, a weight is missing or not above 0, or something cannot be
            combined with weights.
    """
    if not spec.weights:
        return {}
    for name in spec.weights:
        if name not in datasets:
            message = f"weights name {name!r}, which is no dataset of this pipeline{did_you_mean(name, datasets)}"
            raise SpecError(message)
    if len(datasets) == 1:
        message = f"weights need several datasets, and {datasets[0]!r} is the only one: add another, or remove weights"
        raise SpecError(message)
    missing = [name for name in datasets if name not in spec.weights]
    if missing:
        message = f"weights miss the dataset {missing[0]!r}: give each dataset a weight"
        raise SpecError(message)
    for name, weight in spec.weights.items():
        _check_weight(name, weight)
    if spec.stop_early is not None:
        message = "weights cannot be combined with stop_early: an overall verdict needs all records; remove one of them"
        raise SpecError(message)
    if any(cell.seed is not None for cell in cells):
        message = (
            "weights cannot be combined with seeds: recipes have a verdict on each dataset only; remove one of them"
        )
        raise SpecError(message)
    return {name: float(spec.weights[name]) for name in datasets}


def _check_weight(name: str, weight: Any) -> None:
    is_number = isinstance(weight, (int, float)) and not isinstance(weight, bool)
    if not (is_number and math.isfinite(weight) and weight > 0):
        message = f"weights.{name} says how much the dataset counts, a number above 0 such as 2, not {weight!r}"
        raise SpecError(message)
