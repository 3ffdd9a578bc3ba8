"""What earlier runs did in place of the steps of a plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import Pipeline, Progress
from llmops_sdk.planning.costs.reuse import earlier_steps
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import MemoryStore


@pytest.fixture(name="pipeline")
def _pipeline(home: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    """A fine-tuned model."""
    pipeline = Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    return pipeline.with_model("echo", name="tuned", trainer="echo-trainer")


def test_the_same_steps_are_reused(pipeline: Pipeline, registry: Registry) -> None:
    """Under another name too; not those that are to be done again."""
    store = MemoryStore()
    run = pipeline.run(store=store, registry=registry, progress=Progress()).run
    plan = pipeline.build(registry)

    earlier = earlier_steps(plan, store)

    assert {"train.tuned.bare.lines": run.id, "generate.tuned.bare.lines": run.id} == {
        name: step.run for name, step in earlier.items() if step.is_same
    }
    assert not any(step.is_same for step in earlier_steps(plan.with_fresh(["train", "generate"]), store).values())
    assert {} == earlier_steps(plan, MemoryStore())


def test_the_same_model_with_other_records_shows_how_long_it_takes(pipeline: Pipeline, registry: Registry) -> None:
    """Its answers are not reused, and its time is known."""
    store = MemoryStore()
    pipeline.run(store=store, registry=registry, progress=Progress())
    other = Pipeline.builder("q").with_dataset("lines", records=8).with_prompt("bare").with_evaluator("echo-score")

    earlier = earlier_steps(other.with_model("echo", name="tuned", trainer="echo-trainer").build(registry), store)

    step = earlier["generate.tuned.bare.lines"]
    assert not step.is_same
    assert step.spending is not None
    assert step.spending.answers > 0
    assert step.spending.seconds > 0
