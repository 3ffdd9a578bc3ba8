"""Which endpoints are measured under load."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import Pipeline, SpecError
from llmops_sdk.plugin import PlannedLoad
from llmops_sdk.plugin.registry import Registry


def pipeline() -> Pipeline:
    """Without models."""
    return Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")


def test_each_model_is_measured_once(registry: Registry) -> None:
    """However often it is fine-tuned, and at the first of several looks."""
    asked = pipeline().with_model("echo", name="tuned").with_model("echo", name="base", fine_tune=False)
    asked = asked.with_prompt("bare", name="other").with_load(4, 1, requests=8)

    load = asked.build(registry, offline=True).load
    with_looks = asked.with_early_stopping().build(registry, offline=True).load

    cells = {"generate.tuned.bare.lines": "tuned.bare.lines", "generate.base": "base.bare.lines"}
    assert PlannedLoad((1, 4), 8, cells) == load
    assert with_looks
    assert {f"{step}@look1": cell for step, cell in cells.items()} == with_looks.cells


def test_recorded_answers_have_none(registry: Registry, tmp_path: Path) -> None:
    """A model beside them is measured; without one, `load` is refused."""
    (tmp_path / "old.jsonl").write_text('{"instruction": "a", "output": "b"}\n')
    recorded = pipeline().with_model("recorded", name="old", path=str(tmp_path / "old.jsonl")).with_load(1)

    load = recorded.with_model("echo", fine_tune=False).build(registry, offline=True).load

    assert load
    assert {"generate.echo": "echo.bare.lines"} == load.cells
    with pytest.raises(SpecError, match="load: recorded answers have no speed, and no model is asked; remove `load`"):
        recorded.build(registry, offline=True)


def test_load_can_be_measured_again(registry: Registry) -> None:
    """`--fresh load` names it; without `load` there is no such step."""
    asked = pipeline().with_model("echo", fine_tune=False)
    plan = asked.with_load(1).build(registry, offline=True)

    assert plan.with_fresh(["load"]).measures_again("generate.echo")
    assert plan.with_fresh(["generate"]).measures_again("generate.echo")
    assert not plan.with_fresh(["load"]).is_fresh("generate.echo")
    assert not plan.measures_again("generate.echo")
    with pytest.raises(SpecError, match="the plan has no step 'load'"):
        asked.build(registry, offline=True).with_fresh(["load"])
