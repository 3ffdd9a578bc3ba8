"""`retention`: the weights that are compared, and what is refused. Whole gates are in `tests/end_to_end/test_retention.py`."""

from __future__ import annotations

import pytest

from llmops_sdk import Pipeline, Registry, SpecError
from llmops_sdk.gate.conditions.registry import conditions_from
from llmops_sdk.gate.conditions.retention import Retained, tuned_cells

from ..cases import case_of


def pipeline() -> Pipeline:
    """Two datasets and a base model."""
    two = Pipeline.builder("echo").with_dataset("lines").with_dataset("lines", name="more", records=30)
    return two.with_prompt("bare").with_evaluator("echo-score").with_model("echo", name="base", fine_tune=False)


def test_it_has_a_margin() -> None:
    """And its words name the base."""
    (condition,) = conditions_from("retention", {"margin": 0.1}, "gate")
    assert Retained("retention", 0.1) == condition
    assert "no worse than its base by more than 0.1" == condition.text
    with pytest.raises(SpecError, match=r"gate: retention is a condition such as \{margin: 0\.02\}, not 0\.1"):
        list(conditions_from("retention", 0.1, "gate"))
    with pytest.raises(
        SpecError, match=r"gate: retention: margin is the loss that does not matter, .*, a number above 0"
    ):
        list(conditions_from("retention", {"margin": 0}, "gate"))


def test_the_weights_of_a_dataset_are_compared(registry: Registry) -> None:
    """Of each training its own, once for each seed; of a model with `train_on` the same on all; of a base none."""
    each = pipeline().with_model("echo", name="tuned", seeds=[1, 2]).with_retention().build(registry)
    one = pipeline().with_model("echo", name="tuned", train_on="more").with_retention().build(registry)

    assert ["tuned.bare.more.general.seed1", "tuned.bare.more.general.seed2"] == [
        cell.name for cell in tuned_cells(each, "tuned", "more")
    ]
    assert tuned_cells(one, "tuned", "lines") == tuned_cells(one, "tuned", "more") != ()
    assert () == tuned_cells(one, "base", "lines")


def test_a_run_without_retention_cannot_answer_it() -> None:
    """The message names the key."""
    case = case_of({"tuned": [0.5] * 30})
    case.run.run.plan.retention = None  # type: ignore[misc]
    with pytest.raises(SpecError, match="retention needs the key retention in the specification"):
        Retained("retention", 0.1).check(case)
