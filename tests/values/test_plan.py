"""Plans: JSON that never changes, found by its hash and its names."""

from __future__ import annotations

import attrs
import pytest

from llmops_sdk import Pipeline, Plan
from llmops_sdk.plugin.registry import Registry


@pytest.fixture(name="plan")
def _plan(registry: Registry) -> Plan:
    pipeline = Pipeline.builder("echo").with_dataset("lines").with_prompt("bare")
    pipeline = pipeline.with_model("echo", name="loud").with_model("echo", name="base", fine_tune=False)
    return pipeline.with_evaluator("echo-score").build(registry)


def test_a_plan_is_read_back_from_its_json(plan: Plan) -> None:
    """With the same hash."""
    again = Plan.from_json(plan.json)

    assert (plan, plan.hash) == (again, again.hash)
    assert 64 == len(plan.hash)


def test_another_plan_has_another_hash(plan: Plan) -> None:
    """Whatever differs."""
    assert plan.hash != attrs.evolve(plan, metric="noise").hash


def test_parts_are_found_by_their_names(plan: Plan) -> None:
    """Steps, cells, datasets, prompts and models."""
    assert {step.name for step in plan.steps} == set(plan.step_by_name)
    assert {"loud.bare.lines", "base.bare.lines"} == set(plan.cell_by_name)
    assert ("lines", "bare") == (plan.dataset_by_name["lines"].use, plan.prompt_by_name["bare"].use)
    assert {"loud", "base"} == set(plan.model_by_name)


def test_a_step_comes_after_what_it_needs(plan: Plan) -> None:
    """Executors may run the steps in this order."""
    done: set[str] = set()
    for step in plan.steps:
        assert set(step.needs) <= done
        done.add(step.name)


def test_the_key_of_a_prompt_is_that_of_its_text(plan: Plan) -> None:
    """Its name does not matter."""
    (prompt,) = plan.prompts

    assert prompt.key == attrs.evolve(prompt, name="other").key
    assert prompt.key != attrs.evolve(prompt, template=attrs.evolve(prompt.template, completion="x {response}")).key
