"""The planned looks of a pipeline, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_sdk import Pipeline, Registry, SpecError


def two() -> Pipeline:
    """A base model and a tuned one."""
    pipeline = Pipeline.builder("echo").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    return pipeline.with_model("echo", name="base", fine_tune=False).with_model("echo", name="tuned")


def test_looks_are_off_by_default(registry: Registry) -> None:
    """A plan has one comparison at the end."""
    assert () == two().build(registry).looks


def test_looks_are_evenly_spaced(registry: Registry) -> None:
    """The last one is at all records."""
    assert [33, 67, 100] == [round(100 * share) for share in two().with_early_stopping().build(registry).looks]
    assert (0.5, 1.0) == two().with_early_stopping(looks=2).build(registry).looks


@pytest.mark.parametrize("looks", [1, 0, -3, 6, 2.5, "3", True])
def test_a_number_of_looks_out_of_range(looks: Any, registry: Registry) -> None:
    """One look is no early stopping."""
    with pytest.raises(SpecError, match=r"stop_early.looks is a whole number from 2 to 5, not"):
        two().with_early_stopping(looks=looks).build(registry)


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        (two().with_decision(baseline="base", margin=0.1), "stop_early cannot be combined with baseline and margin"),
        (two().with_noise_floor(), "stop_early cannot be combined with noise_floor"),
        (
            two().with_model("echo", name="recipe", trainer={"seeds": [1, 2]}),
            "stop_early cannot be combined with seeds",
        ),
    ],
)
def test_what_cannot_be_combined(pipeline: Pipeline, message: str, registry: Registry) -> None:
    """Claims that the levels of the looks do not hold for."""
    with pytest.raises(SpecError, match=message):
        pipeline.with_early_stopping().build(registry)


def test_a_single_candidate(registry: Registry) -> None:
    """It has nothing to be compared with."""
    alone = Pipeline.builder("echo").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    with pytest.raises(SpecError, match="stop_early compares candidates, and 'echo' is the only one"):
        alone.with_model("echo").with_early_stopping().build(registry)
