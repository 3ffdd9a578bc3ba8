"""Planning: a specification becomes a plan, or one clear message."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pytest

from llmops_sdk import Pipeline
from llmops_sdk.errors import DataError, SpecError
from llmops_sdk.plugin import BaseModel, PromptTemplate, TrainerCard, TrainerOptions, hookimpl
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.plan import GenerateStep, Plan, ScoreStep, TrainStep


def echo(name: str = "echo") -> Pipeline:
    """A pipeline of the test kit's parts, without a model."""
    return Pipeline.builder(name).with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")


def test_defaults_are_filled_in(registry: Registry) -> None:
    """A model alone is a whole program: Dolly, alpaca, summarization-accuracy, this machine."""
    plan = Pipeline.builder().with_model("smollm2").build(registry)

    assert ["dolly"] == [dataset.use for dataset in plan.datasets]
    assert "summarization" == plan.datasets[0].options["category"]
    assert ["alpaca"] == [prompt.use for prompt in plan.prompts]
    assert ["summarization-accuracy"] == [evaluator.use for evaluator in plan.evaluators]
    assert "local" == plan.executor.use
    assert "lora" == (plan.models[0].trainer and plan.models[0].trainer.use)
    assert "rougeL" == plan.metric


@attrs.frozen(kw_only=True)
class PickyOptions(TrainerOptions):
    """Options of a trainer that looks at what it is for."""

    def check(self, base: BaseModel, prompts: Mapping[str, PromptTemplate], settings: Mapping[str, Any]) -> None:
        """Refuse everything, and say what was seen."""
        message = f"not {base.source!r} with {', '.join(prompts)} and {settings}"
        raise DataError(message)


def test_options_may_check_what_they_are_for(registry: Registry) -> None:
    """A trainer's options see the model, the prompts and the settings, and what they refuse is told by `build`."""
    card = TrainerCard(
        name="picky",
        summary="refuses",
        load="nowhere:Nothing",
        options=PickyOptions,
        accepts=("echo",),
        produces="echo",
    )
    module = ModuleType("picky")
    module.llmops_cards = hookimpl(lambda: (card,))  # type: ignore[attr-defined]
    module.llmops_cards.__name__ = "llmops_cards"
    registry.add("picky", module)
    pipeline = echo().with_model("echo", trainer="picky").with_settings("testing", note="x")

    with pytest.raises(SpecError, match=r"trainer 'picky': not 'loud' with bare and \{'testing': \{'note': 'x'\}\}"):
        pipeline.build(registry)


def test_cross_product(registry: Registry) -> None:
    """Datasets x models x prompts are cells; a base model is deployed once, a tuned one once per dataset and prompt."""
    pipeline = (
        echo()
        .with_dataset("lines", name="more", records=30)
        .with_prompt("bare", name="other")
        .with_model("echo", name="base", fine_tune=False)
        .with_model("echo", name="tuned")
    )

    plan = pipeline.build(registry)

    assert 8 == len(plan.cells)
    assert 4 == sum(isinstance(step, TrainStep) for step in plan.steps)
    generates = [step for step in plan.steps if isinstance(step, GenerateStep)]
    assert [4, 1, 1, 1, 1] == [len(step.cells) for step in generates]
    assert 8 == sum(isinstance(step, ScoreStep) for step in plan.steps)
    assert {"base.bare", "base.other", "tuned.bare", "tuned.other"} == {cell.candidate for cell in plan.cells}


def test_train_on_trains_once_for_all_data_sets(registry: Registry) -> None:
    """`train_on` fine-tunes on one dataset, and that model is asked about every one."""
    pipeline = echo().with_dataset("lines", name="more", records=30).with_model("echo", train_on="lines")

    plan = pipeline.build(registry)

    assert ["train.echo.bare.lines"] == [step.name for step in plan.steps if isinstance(step, TrainStep)]
    (generate,) = (step for step in plan.steps if isinstance(step, GenerateStep))
    assert ("echo.bare.lines", "echo.bare.more") == generate.cells
    assert {"train.echo.bare.lines", "prepare.lines", "prepare.more"} == set(generate.needs)


def test_steps_come_after_what_they_need(registry: Registry) -> None:
    """The plan's order can be run as it is."""
    plan = echo().with_model("echo").with_model("echo", name="base", fine_tune=False).build(registry)

    seen: set[str] = set()
    for step in plan.steps:
        assert set(step.needs) <= seen
        seen.add(step.name)
    assert "compare" == plan.steps[-1].name


def test_plan_is_json_and_back(registry: Registry) -> None:
    """A plan written as JSON and read back is the same plan, with the same hash."""
    plan = echo().with_model("echo").build(registry)

    again = Plan.from_json(json.loads(json.dumps(plan.json)))

    assert plan == again
    assert plan.hash == again.hash


def test_key_ignores_options_that_change_no_result(registry: Registry) -> None:
    """Changing how many requests are answered together repeats no work; changing the dtype does."""
    plain, batched, cast = (
        Pipeline.builder()
        .with_model("smollm2", fine_tune=False, deployer=options)
        .build(registry)
        .models[0]
        .deployer.key
        for options in ({}, {"max_batch": 4}, {"dtype": "bfloat16"})
    )

    assert plain == batched
    assert plain != cast


def test_a_metric_without_a_better_end_cannot_decide(registry: Registry) -> None:
    """It is passed over where nobody says which metric decides, and refused where somebody names it."""
    texts = Pipeline.builder().with_model("echo").with_evaluator("text-metrics", metrics=["length_ratio", "token_f1"])

    assert "token_f1" == texts.build(registry).metric
    with pytest.raises(SpecError, match=r"'length_ratio' cannot decide, since neither more .* name one of: token_f1"):
        texts.with_metric("length_ratio").build(registry)
    with pytest.raises(SpecError, match="no metric of this pipeline can decide"):
        Pipeline.builder().with_model("echo").with_evaluator("text-metrics", metrics=["length_ratio"]).build(registry)


def test_paths_are_relative_to_the_file(registry: Registry, tmp_path: Path) -> None:
    """A path in a specification file is meant beside that file."""
    (tmp_path / "rows.jsonl").write_text('{"instruction": "a", "context": "b", "response": "c"}\n', encoding="utf-8")
    (tmp_path / "spec.yaml").write_text(
        "datasets: [{use: jsonl, path: rows.jsonl}]\nmodels: [smollm2]\n", encoding="utf-8"
    )

    plan = Pipeline.from_yaml(tmp_path / "spec.yaml").build(registry)

    assert str(tmp_path / "rows.jsonl") == plan.datasets[0].options["path"]


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        (echo(), "pipeline 'echo' has no model"),
        (echo().with_model("eco"), "no model is called 'eco'; did you mean 'echo'?"),
        (echo().with_model("org/name"), "use model 'huggingface' with weights='org/name'"),
        (echo().with_model("echo", voices="x"), "model 'echo' has no option 'voices'; did you mean 'voice'?"),
        (echo().with_model("echo", voice=3), "expected text, found 3 in voice"),
        (echo().with_model("echo").with_model("echo"), "two models are called 'echo'; give one of them another name"),
        (echo().with_model("echo").with_model("echo", name="b"), "'echo' and 'b' are the same recipe"),
        (echo().with_model("echo", name="a b"), "the model name 'a b' may have letters, digits, '-' and '_' only"),
        (
            echo().with_model("echo", train_on="line"),
            "train_on names no dataset of this pipeline: 'line'; did you mean 'lines'?",
        ),
        (echo().with_model("echo", fine_tune=False, train_on="lines"), "the model is not fine-tuned"),
        (echo().with_model("echo", fine_tune=False, trainer={"voice": "x"}), "fine_tune is false"),
        (
            echo().with_model("echo", deployer="local-endpoint"),
            "serves huggingface models, and this one is of format 'echo'",
        ),
        (
            echo().with_model("smollm2", trainer="echo-trainer"),
            "trains echo models, and this one is of format 'huggingface'",
        ),
        (
            echo().with_model("echo", trainer="echotrainer"),
            "no trainer is called 'echotrainer'; did you mean 'echo-trainer'?",
        ),
        (
            echo().with_model("echo").with_metric("exakt"),
            "no evaluator of this pipeline gives the metric 'exakt'; did you mean 'exact'?",
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
        (
            echo().with_model("echo").with_settings("testing", note=3),
            "settings of 'testing': expected text, found 3 in note",
        ),
        (echo().with_model("echo").with_settings("local", note="x"), "plugin 'local' has no settings"),
        (echo().with_model("echo").with_executor("cloud"), "no executor is called 'cloud'"),
    ],
)
def test_what_cannot_run_is_told_in_one_line(pipeline: Pipeline, message: str, registry: Registry) -> None:
    """Every mistake that needs no data is found by `build`, with what to do."""
    with pytest.raises(SpecError) as found:
        pipeline.build(registry)

    assert message in str(found.value)
    assert "\n" not in str(found.value)
