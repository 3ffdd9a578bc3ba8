"""What tuned candidates are asked besides: the cells, the bases, the margin, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_sdk import Pipeline, Registry, SpecError
from llmops_sdk.values.plan import GenerateStep, PlannedRetention, PrepareStep, TrainStep


def pipeline() -> Pipeline:
    """A pipeline without a model."""
    return Pipeline.builder("echo").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")


def planned(recipe: Pipeline, registry: Registry, **retention: Any) -> PlannedRetention:
    """What is asked besides."""
    plan = recipe.with_retention(**retention).build(registry)
    assert plan.retention is not None
    return plan.retention


def test_a_tuned_candidate_and_its_base_are_asked(registry: Registry) -> None:
    """By the endpoints that they have anyway, after all is prepared; the margin is 5 % of the metric's range."""
    recipe = pipeline().with_model("echo", name="tuned").with_model("echo", name="base", fine_tune=False)

    plan = recipe.with_retention().build(registry)

    assert plan.retention is not None
    assert ("general", "exact", 0.05, ()) == (
        plan.retention.dataset.name,
        plan.retention.metric,
        plan.retention.margin,
        plan.retention.models,
    )
    assert {"tuned.bare.general": "base.bare.general"} == plan.retention.bases
    generates = [step for step in plan.steps if isinstance(step, GenerateStep)]
    assert [("tuned.bare.lines", "tuned.bare.general"), ("base.bare.lines", "base.bare.general")] == [
        step.cells for step in generates
    ]
    (train,) = (step for step in plan.steps if isinstance(step, TrainStep))
    assert ("lines", ("prepare.lines", "prepare.general")) == (train.dataset, train.needs)
    assert [(), ("prepare.lines",)] == [step.needs for step in plan.steps if isinstance(step, PrepareStep)]
    assert ["lines"] == [dataset.name for dataset in plan.datasets]
    assert ["lines"] == list(dict.fromkeys(cell.dataset for cell in plan.cells))


def test_a_base_that_is_no_candidate_is_added(registry: Registry) -> None:
    """Once for all models that start from it, under a name that none of them has; other weights are no base."""
    recipe = pipeline().with_model("echo", name="tuned").with_model("echo", name="longer", trainer={"seed": 2})
    recipe = recipe.with_model("echo", name="tuned-base", voice="quiet", fine_tune=False)

    retention = planned(recipe, registry)

    (base,) = retention.models
    assert ("tuned-base2", None) == (base.name, base.trainer)
    assert {"tuned-base2.bare.general"} == set(retention.bases.values())


def test_a_base_is_asked_with_the_prompt_of_the_tuned_candidate(registry: Registry) -> None:
    """Even if it is asked with another one on the task: one prompt for both."""
    recipe = pipeline().with_prompt("plain")
    recipe = recipe.with_model("echo", name="tuned", prompts=["bare"])
    recipe = recipe.with_model("echo", name="base", prompts=["plain"], fine_tune=False)

    retention = planned(recipe, registry)

    (base,) = (cell for cell in retention.cells if cell.model == "base")
    assert ("bare", "base.bare") == (base.prompt, base.candidate)


def test_each_training_is_asked(registry: Registry) -> None:
    """Of each dataset and each seed; with `train_on`, one."""
    recipe = pipeline().with_dataset("lines", name="more", records=30)
    each = planned(recipe.with_model("echo", name="tuned", seeds=[1, 2]), registry)
    one = planned(recipe.with_model("echo", name="tuned", train_on="more"), registry)

    assert 4 == len(each.bases)
    assert {"lines", "more"} == {cell.trained_on for cell in each.cells if cell.trained_on}
    assert ["tuned.bare.general"] == list(one.bases)


@pytest.mark.parametrize(
    ("retention", "message"),
    [
        ({"decide_by": "exakt"}, "retention: decide_by: no evaluator of this pipeline has the metric 'exakt'; did you mean"),
        ({"margin": 0}, "retention: margin is the difference in exact that does not matter, a number above 0"),
        ({"margin": 2}, "retention: margin 2 leaves nothing to show: exact lies between 0 and 1"),
        ({"decide_by": "noise"}, "retention needs a margin, because noise has no bounds"),
        ({"decided_by": "exact"}, "retention has no key 'decided_by', nor has dataset 'general' such an option; did you mean 'decide_by'?"),
        ({"name": "lines"}, "retention: the pipeline has another dataset 'lines'; give this one another name with `name`"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(retention: dict[str, Any], message: str, registry: Registry) -> None:
    """In one line."""
    with pytest.raises(SpecError, match=message):
        planned(pipeline().with_model("echo"), registry, **retention)


def test_nothing_is_lost_where_nothing_is_tuned(registry: Registry) -> None:
    """It is refused, and so are planned looks."""
    with pytest.raises(SpecError, match="no model of this pipeline is fine-tuned: add a trainer, or remove retention"):
        planned(pipeline().with_model("echo", fine_tune=False), registry)
    both = pipeline().with_model("echo").with_model("echo", name="base", fine_tune=False).with_early_stopping()
    with pytest.raises(SpecError, match="stop_early cannot be combined with retention"):
        planned(both, registry)
