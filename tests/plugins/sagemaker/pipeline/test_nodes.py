"""The nodes of a pipeline: names that SageMaker accepts, and that can be told apart."""

from __future__ import annotations

import re

import pytest

from llmops_plugins.sagemaker.pipeline.nodes import pipeline_name, plan_nodes
from llmops_sdk import Pipeline, Plan
from llmops_sdk.plugin.registry import Registry

STEP_NAME = re.compile(r"[A-Za-z0-9\-_]{1,64}")
PIPELINE_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,81}")


def plan_of(registry: Registry, *models: str, prompt: str = "bare", dataset: str = "lines") -> Plan:
    """Return a plan in which every model is fine-tuned."""
    base = Pipeline.builder("named").with_dataset("lines", name=dataset).with_prompt("bare", name=prompt)
    for number, name in enumerate(models):
        base = base.with_model("echo", name=name, trainer={"voice": f"v{number}"})
    return base.with_evaluator("echo-score").build(registry)


@pytest.mark.parametrize("length", [1, 40, 57, 58, 98])
def test_names_of_steps_fit_and_differ(length: int, registry: Registry) -> None:
    """Other characters become hyphens; long names are cut; names that would be equal get a hash."""
    same, models = "m" * (length - 1), ("a_b", "a-b", "a__b")
    plan = plan_of(registry, *(f"{same}{end}" for end in "xyz"), *models, prompt="p" * 50, dataset="d" * 50)
    nodes = tuple(plan_nodes(plan))

    assert [] == [node.name for node in nodes if not STEP_NAME.fullmatch(node.name)]
    assert len(nodes) == len({node.name for node in nodes})
    assert len(nodes) == len({node.display_name for node in nodes})
    assert all(1 <= len(node.display_name) <= 256 for node in nodes)


def test_short_names_are_readable(registry: Registry) -> None:
    """The display name has the name of the step in the plan."""
    nodes = tuple(plan_nodes(plan_of(registry, "my_model")))

    assert [
        ("train-my-model-bare-lines", "train my_model.bare.lines"),
        ("generate-my-model-bare-lines", "generate my_model.bare.lines"),
        ("score-my-model-bare-lines", "score my_model.bare.lines"),
        ("compare", "compare"),
    ] == [(node.name, node.display_name) for node in nodes]


@pytest.mark.parametrize(
    "name", ["a", "— [draft] —", "Ünïcode & co", "日本語", "x" * 256, f"{'x' * 74}-y", "c.van.der_b"]
)
def test_names_of_pipelines_fit(name: str) -> None:
    """At most 82 characters: SageMaker refused longer ones."""
    assert PIPELINE_NAME.fullmatch(pipeline_name(name))


def test_long_names_of_pipelines_stay_different() -> None:
    """Otherwise one pipeline would replace the other."""
    assert pipeline_name("x" * 99 + "y") != pipeline_name("x" * 99 + "z")


def test_looks_are_nodes_between_their_parts(registry: Registry) -> None:
    """A look waits for all scores of its part, and the next part for the look; it runs where comparisons run."""
    base = Pipeline.builder("looks").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    pipeline = base.with_model("echo", name="a").with_model("echo", name="b", fine_tune=False).with_early_stopping(2)

    nodes = {node.name: node for node in plan_nodes(pipeline.build(registry))}

    assert ("score-a-bare-lines-look1", "score-b-look1") == nodes["look-1"].after
    assert ("generate-b-look1", "look-1") == nodes["generate-b-look2"].after
    assert ("compare", "CompareInstanceType") == (nodes["look-1"].kind, nodes["look-1"].instance_type)
    assert ("score-a-bare-lines-look2", "score-b-look2") == nodes["compare"].after
    assert 1 == sum(node.kind == "train" for node in nodes.values())
