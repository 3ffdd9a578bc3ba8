"""Early stopping: the planned looks of a pipeline, and what cannot be combined with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmops_sdk.errors import SpecError
from llmops_sdk.planning.specification.spec import FEWEST_LOOKS, MOST_LOOKS, Spec
from llmops_sdk.values.plan import Cell
from llmops_sdk.verdict.statistics.looks import even_looks


def plan_looks(spec: Spec, cells: Sequence[Cell]) -> tuple[float, ...]:
    """Return the shares of the records at each planned look; empty without early stopping.

    Args:
        spec: The specification.
        cells: The candidates on their datasets.

    Raises:
        SpecError: The number of looks is out of range, there is one candidate, or something cannot be combined with looks.
    """
    if spec.stop_early is None:
        return ()
    looks = spec.stop_early.looks
    if not isinstance(looks, int) or not FEWEST_LOOKS <= looks <= MOST_LOOKS:
        message = f"stop_early.looks is a whole number from {FEWEST_LOOKS} to {MOST_LOOKS}, not {looks!r}"
        raise SpecError(message)
    for obstacle in _obstacles(spec, cells):
        message = f"stop_early cannot be combined with {obstacle}; remove one of them"
        raise SpecError(message)
    if len({cell.candidate for cell in cells}) == 1:
        message = f"stop_early compares candidates, and {cells[0].candidate!r} is the only one: add another, or remove stop_early"
        raise SpecError(message)
    return even_looks(looks)


def _obstacles(spec: Spec, cells: Sequence[Cell]) -> Iterator[str]:
    """Yield what claims something that its levels do not hold for."""
    if any(cell.seed is not None for cell in cells):
        yield "seeds: a comparison of recipes needs all records of every checkpoint"
    if spec.margin is not None:
        yield "baseline and margin: whether a candidate is no worse needs all records"
    if spec.retention is not None:
        yield "retention: whether a candidate lost nothing needs all records"
    if any(model.serve_as for model in spec.models):
        yield "serve_as: whether two forms are equivalent needs all records"
    if spec.noise_floor:
        yield "noise_floor: how much a candidate differs from itself needs all records"
