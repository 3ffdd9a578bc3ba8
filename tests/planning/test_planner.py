"""Planning: a specification becomes a plan, or one clear message."""

from __future__ import annotations

import json

import pytest

from llmops_sdk import Pipeline, Registry, SpecError
from llmops_sdk.planning.planner import extend_plan
from llmops_sdk.planning.specification.spec import ComponentSpec
from llmops_sdk.values.plan import DEFAULT_REPORTER, Plan


def echo(name: str = "echo") -> Pipeline:
    """A pipeline of the test kit's components, without a model."""
    return Pipeline.builder(name).with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")


def test_defaults_are_filled_in(registry: Registry) -> None:
    """A model alone is a complete program: Dolly, its own chat format, summarization-accuracy, this machine, an HTML report."""
    plan = Pipeline.builder().with_model("smollm2").build(registry)

    assert ["dolly"] == [dataset.use for dataset in plan.datasets]
    assert "summarization" == plan.datasets[0].options["category"]
    assert ["chat"] == [prompt.use for prompt in plan.prompts]
    assert ["summarization-accuracy"] == [evaluator.use for evaluator in plan.evaluators]
    assert "local" == plan.executor.use
    assert "lora" == (plan.models[0].trainer and plan.models[0].trainer.use)
    assert "rougeL" == plan.metric
    assert ["html"] == [reporter.use for reporter in plan.reporters]


def test_a_plan_is_the_same_after_a_round_trip_through_json(registry: Registry) -> None:
    """With the same hash."""
    plan = echo().with_model("echo").build(registry)

    again = Plan.from_json(json.loads(json.dumps(plan.json)))

    assert plan == again
    assert plan.hash == again.hash


def test_a_plan_from_before_there_were_reporters_has_the_default_one(registry: Registry) -> None:
    """It can be read, and its runs are reported as before."""
    data = dict(echo().with_model("echo").build(registry).json)
    del data["reporters"]

    assert (DEFAULT_REPORTER,) == Plan.from_json(data).reporters


def test_reporters_change_no_key_and_pin_no_plugin(registry: Registry) -> None:
    """Another reporter repeats no work, and a worker on another machine needs no plugin of one."""
    base = echo().with_model("echo")
    plain, reported = base.build(registry), base.with_reporter("html", path="r.html").build(registry)

    assert {"path": "r.html"} == reported.reporters[0].options
    assert plain.plugins == reported.plugins
    assert (plain.datasets, plain.evaluators, plain.models) == (reported.datasets, reported.evaluators, reported.models)
    with pytest.raises(SpecError, match="no reporter is called 'htlm'; did you mean 'html'"):
        base.with_reporter("htlm").build(registry)


def test_a_metric_that_ranks_nothing_cannot_decide(registry: Registry) -> None:
    """It is skipped where the pipeline names no metric, and refused where it names this one."""
    texts = Pipeline.builder().with_model("echo").with_evaluator("text-metrics", metrics=["length_ratio", "token_f1"])

    assert "token_f1" == texts.build(registry).metric
    with pytest.raises(SpecError, match=r"'length_ratio' cannot rank the candidates: .*; name one of: token_f1"):
        texts.with_decision("length_ratio").build(registry)
    with pytest.raises(SpecError, match="no metric can rank the candidates: none sets higher_is_better"):
        Pipeline.builder().with_model("echo").with_evaluator("text-metrics", metrics=["length_ratio"]).build(registry)


def test_a_plan_is_extended_with_evaluators(registry: Registry) -> None:
    """Its other components, steps and reporters stay the same; a metric of the new evaluator may decide."""
    plan = echo().with_model("echo").with_reporter("html", path="r.html").build(registry)

    more = extend_plan(plan, (ComponentSpec("text-metrics", options={"metrics": ("token_f1",)}),), "token_f1", registry)

    assert ["echo-score", "text-metrics"] == [evaluator.use for evaluator in more.evaluators]
    assert "token_f1" == more.metric
    assert (plan.steps, plan.models, plan.reporters) == (more.steps, more.models, more.reporters)
    assert {pin.name for pin in plan.plugins} | {"metrics"} == {pin.name for pin in more.plugins}


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        (echo(), "pipeline 'echo' has no model; name one"),
        (echo().with_model("eco"), "no model is called 'eco'; did you mean 'echo'?"),
        (echo().with_model("org/name"), "use model 'huggingface' with weights='org/name'"),
        (echo().with_model("echo", voices="x"), "model 'echo' has no option 'voices'; did you mean 'voice'?"),
        (echo().with_model("echo", voice=3), "expected text, found 3 in voice"),
        (echo().with_model("echo").with_model("echo"), "two models are called 'echo'; give one of them another name"),
        (echo().with_model("echo", name="a b"), "the model name 'a b' may have letters, digits, '-' and '_' only"),
        (
            echo().with_model("echo", trainer="echotrainer"),
            "no trainer is called 'echotrainer'; did you mean 'echo-trainer'?",
        ),
        (
            echo().with_model("echo").with_decision("exakt"),
            "no evaluator of this pipeline has the metric 'exakt'; did you mean 'exact'?",
        ),
        (
            echo().with_evaluator("echo-score", name="two").with_model("echo"),
            "metric 'exact' comes from two evaluators",
        ),
        (
            echo().with_model("echo").with_settings("aws", region="x"),
            "settings are for plugins, and none is called 'aws'",
        ),
        (
            echo().with_model("echo").with_settings("testing", nite="x"),
            "settings of 'testing': there is no 'nite'; did you mean 'note'?",
        ),
        (echo().with_model("echo").with_executor("cloud"), "no executor is called 'cloud'"),
    ],
)
def test_a_pipeline_that_cannot_run_is_refused_in_one_line(
    pipeline: Pipeline, message: str, registry: Registry
) -> None:
    """Every mistake that needs no data is found by `build`, with what to do."""
    with pytest.raises(SpecError) as raised:
        pipeline.build(registry)

    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        (
            Pipeline.builder().with_dataset("lines", name="d" * 300),
            "the dataset name 'dddddddddddddddddddddddddddddddddddddddd…' has 300",
        ),
        (Pipeline.builder().with_prompt("bare", name="d" * 101), "the prompt name"),
        (Pipeline.builder().with_evaluator("echo-score", name="d" * 101), "the evaluator name"),
        (echo().with_model("echo", name="m" * 101), "the model name"),
    ],
)
def test_long_names_are_refused_where_they_are_given(pipeline: Pipeline, message: str, registry: Registry) -> None:
    """They become parts of the names of files, which have limits."""
    with pytest.raises(SpecError) as raised:
        pipeline.with_model("echo").build(registry)

    assert message in str(raised.value)
    assert "the most are 100" in str(raised.value)


@pytest.mark.parametrize("length", [100, 256, 257])
def test_the_name_of_a_pipeline_may_be_longer(length: int, registry: Registry) -> None:
    """It is part of no file name; an executor that sends it cuts it."""
    pipeline = Pipeline.builder("p" * length).with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    if length <= 256:
        assert "p" * length == pipeline.with_model("echo").build(registry).name
        return
    with pytest.raises(SpecError, match=r"the pipeline name 'p{40}…' has 257 characters; the most are 256"):
        pipeline.with_model("echo").build(registry)


def test_names_that_are_too_long_together_are_refused(registry: Registry) -> None:
    """A file of a record has the names of model, prompt and dataset in its name."""
    pipeline = Pipeline.builder("p" * 100).with_dataset("lines", name="d" * 90).with_prompt("bare", name="p" * 90)

    with pytest.raises(SpecError, match="have more than 200 characters together; shorten one"):
        pipeline.with_model("echo", name="m" * 90).with_evaluator("echo-score").build(registry)
