"""The graph of a pipeline, made from a plan."""

from __future__ import annotations

import json
from pathlib import Path

import attrs

from llmops_plugins.sagemaker.pipeline.graph import graph_of, make_graph
from llmops_plugins.sagemaker.pipeline.options import SageMakerExecutorOptions
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk import Pipeline, Plan
from llmops_sdk.plugin.registry import Registry

from .pipelines import echo_pipeline


def test_a_plan_becomes_few_nodes(registry: Registry) -> None:
    """One for each training, for asking and for scoring each deployed model, and one that compares."""
    graph = graph_of(echo_pipeline().build(registry))

    assert [
        ("train-m0-bare-lines", ("train.m0.bare.lines",), ()),
        ("generate-m0-bare-lines", ("generate.m0.bare.lines",), ("train-m0-bare-lines",)),
        ("score-m0-bare-lines", ("score.m0.bare.lines",), ("generate-m0-bare-lines",)),
        ("generate-m1", ("generate.m1",), ()),
        ("score-m1", ("score.m1.bare.lines",), ("generate-m1",)),
        ("compare", ("compare",), ("score-m0-bare-lines", "score-m1")),
    ] == [(node.name, node.steps, node.after) for node in graph.nodes]


def test_one_node_scores_all_cells_of_a_deployed_model(registry: Registry) -> None:
    """The encoder is loaded once."""
    base = Pipeline.builder("base").with_dataset("lines").with_evaluator("echo-score")
    base = base.with_prompt("bare").with_prompt("template", name="twice", prompt="{context} {context}")
    nodes = {
        node.name: node for node in graph_of(base.with_model("echo", name="m1", fine_tune=False).build(registry)).nodes
    }

    assert ("score.m1.bare.lines", "score.m1.twice.lines") == nodes["score-m1"].steps
    assert ("generate-m1",) == nodes["score-m1"].after


def test_the_graph_is_unchanged(registry: Registry) -> None:
    """As JSON it equals the file beside this one, except for the plan's hash."""
    plan = echo_pipeline(keep_alive_seconds=300, train_instance_type="ml.c5.18xlarge").build(registry)
    graph = {**attrs.asdict(graph_of(plan)), "plan": "(hash)"}

    expected = json.loads((Path(__file__).parent / "graph.json").read_text(encoding="utf-8"))
    assert expected == json.loads(json.dumps(graph))


def test_equal_plans_have_equal_graphs(registry: Registry) -> None:
    """A container that reads the plan finds the nodes of the client."""
    plan = echo_pipeline(5).build(registry)

    assert graph_of(plan) == graph_of(Plan.from_json(json.loads(json.dumps(plan.json))))


def test_every_step_except_prepare_is_in_exactly_one_node(registry: Registry) -> None:
    """No step is lost, and none runs twice."""
    plan = echo_pipeline(7).build(registry)
    steps = [step for node in graph_of(plan).nodes for step in node.steps]

    assert sorted(step.name for step in plan.steps if not step.name.startswith("prepare.")) == sorted(steps)


def test_a_pipeline_without_training_has_no_parameter_for_it(registry: Registry) -> None:
    """It has only parameters that have an effect."""
    base = Pipeline.builder("base").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    plan = base.with_model("echo", fine_tune=False).build(registry)

    names = [item.name for item in graph_of(plan).parameters]
    assert ["GenerateInstanceType", "ScoreInstanceType", "CompareInstanceType"] == names


def test_a_key_of_volumes_is_explained_in_the_graph(registry: Registry) -> None:
    """`llmops compile` shows the notes: instance types can be changed in Studio."""
    plan = echo_pipeline(score_instance_type="ml.g5.xlarge").build(registry)
    settings = SageMakerSettings.from_mapping({**plan.settings["sagemaker"], "kms_key": "k"})

    own_key, refused = make_graph(plan, settings, SageMakerExecutorOptions(score_instance_type="ml.g5.xlarge")).notes

    assert own_key.startswith("ScoreInstanceType: instances with local storage")
    assert refused.startswith(
        "TrainInstanceType, GenerateInstanceType, CompareInstanceType: with kms_key, SageMaker refuses"
    )
