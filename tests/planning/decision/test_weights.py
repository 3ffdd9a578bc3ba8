"""Weights of datasets: what is planned, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import attrs
import pytest

from llmops_sdk import SpecError
from llmops_sdk.planning.decision.weights import choose_weights
from llmops_sdk.planning.specification.spec import ModelSpec, Spec, StopEarly
from llmops_sdk.values.plan import Cell

DATASETS = ("sales", "support")
CELLS = tuple(Cell(f"a.p.{name}", "a", "a", "p", name) for name in DATASETS)


def weights(stated: Any, datasets: tuple[str, ...] = DATASETS, **more: Any) -> Any:
    """The weights of a specification."""
    return choose_weights(Spec(models=(ModelSpec("m"),), weights=stated, **more), datasets, CELLS)


def test_weights_are_in_the_order_of_the_datasets() -> None:
    """None are none."""
    assert [("sales", 2.0), ("support", 0.5)] == list(weights({"support": 0.5, "sales": 2}).items())
    assert {} == weights({})


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        (
            {"sales": 2, "sport": 1},
            "weights name 'sport', which is no dataset of this pipeline; did you mean 'support'?",
        ),
        ({"sales": 2}, "weights miss the dataset 'support': give each dataset a weight"),
        *(
            (
                {"sales": wrong, "support": 1},
                f"weights.sales says how much the dataset counts, a number above 0 such as 2, not {wrong!r}",
            )
            for wrong in (0, -1, math.nan, math.inf, True, "2", None)
        ),
    ],
)
def test_weights_that_are_none_are_refused(stated: Any, message: str) -> None:
    """In one line."""
    with pytest.raises(SpecError) as caught:
        weights(stated)
    assert message == str(caught.value)


def test_one_dataset_needs_no_weight() -> None:
    """It has a verdict."""
    with pytest.raises(SpecError, match="weights need several datasets, and 'sales' is the only one: add another, or"):
        weights({"sales": 1}, ("sales",))


def test_what_cannot_be_weighted_is_refused() -> None:
    """Planned looks and training seeds."""
    both = {"sales": 2, "support": 1}
    with pytest.raises(SpecError, match="weights cannot be combined with stop_early: "):
        weights(both, stop_early=StopEarly())
    seeded = [attrs.evolve(cell, seed=1) for cell in CELLS]
    with pytest.raises(SpecError, match="weights cannot be combined with seeds: "):
        choose_weights(Spec(models=(ModelSpec("m"),), weights=both), DATASETS, seeded)
