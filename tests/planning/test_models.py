"""Planning models: trainers and deployers that fit, and what their options check."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import attrs
import pytest

from llmops_sdk import DataError, Pipeline, Registry, SpecError
from llmops_sdk.plugin import BaseModel, ExecutorCard, PromptTemplate, TrainerCard, TrainerOptions, hookimpl
from llmops_sdk.testing import TestingSettings


def echo() -> Pipeline:
    return Pipeline.builder("echo").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")


ASKED: list[str] = []


@attrs.frozen(kw_only=True)
class PickyOptions(TrainerOptions):
    """The options of a trainer that checks what it is used with."""

    def check(self, base: BaseModel, prompts: Mapping[str, PromptTemplate], settings: Mapping[str, Any]) -> None:
        """Refuse a quiet model, and report the arguments."""
        if base.source == "quiet":
            message = f"not {base.source!r} with {', '.join(prompts)} and {dict(settings)}"
            raise DataError(message)

    def check_online(self, base: BaseModel, settings: Mapping[str, Any]) -> None:
        """Report the call."""
        ASKED.append(base.source)


@pytest.fixture(name="picky")
def _picky(registry: Registry) -> Registry:
    """The registry with a trainer that checks its model, and an executor that emulates services."""
    module = ModuleType("picky")

    @hookimpl
    def llmops_cards() -> tuple[Any, ...]:
        trainer = TrainerCard(
            name="picky", summary="", load="nowhere:Nothing", options=PickyOptions, accepts=("echo",), produces="echo"
        )
        return trainer, ExecutorCard(name="emulating", summary="", load="nowhere:Nothing", emulates_services=True)

    @hookimpl
    def llmops_settings() -> type:
        return TestingSettings

    module.llmops_cards = llmops_cards  # type: ignore[attr-defined]
    module.llmops_settings = llmops_settings  # type: ignore[attr-defined]
    registry.add("picky", module)
    ASKED.clear()
    return registry


def test_options_check_the_model_with_their_own_settings(picky: Registry) -> None:
    """A trainer's options get the model, the prompts and the settings of their plugin, and no others."""
    pipeline = (
        echo()
        .with_model("echo", voice="quiet", trainer="picky")
        .with_settings("picky", note="ours")
        .with_settings("testing", note="theirs")
    )

    with pytest.raises(SpecError) as raised:
        pipeline.build(picky)

    assert "trainer 'picky': not 'quiet' with bare and {'note': 'ours'}" == str(raised.value)


def test_services_are_asked_only_where_they_are_used(picky: Registry) -> None:
    """Not by an offline run, nor for an executor that emulates them."""
    pipeline = echo().with_model("echo", trainer="picky")

    pipeline.build(picky, offline=True)
    pipeline.with_executor("emulating").build(picky)
    assert [] == ASKED
    pipeline.build(picky)
    assert ["loud"] == ASKED


def test_a_models_own_trainer_options_take_precedence(registry: Registry) -> None:
    """`with_trainer` is for every model; options of another trainer do not reach a model that has its own."""
    pipeline = (
        echo()
        .with_trainer("echo-trainer", voice="quiet", fails=True)
        .with_model("echo", name="a", trainer={"voice": "mute"})
    )

    trainer = pipeline.build(registry).models[0].trainer

    assert trainer is not None
    assert {"voice": "mute", "fails": True, "seed": 0} == trainer.options


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        (
            echo().with_model("echo", train_on="line"),
            "model 'echo': train_on names no dataset of this pipeline: 'line'; did you mean 'lines'?",
        ),
        (
            echo().with_model("echo", fine_tune=False, train_on="lines"),
            "model 'echo': train_on names a dataset to fine-tune on, but the model is not fine-tuned",
        ),
        (
            echo().with_model("echo", fine_tune=False, trainer={"voice": "x"}),
            "model 'echo': it has trainer options, but fine_tune is false; drop one of the two",
        ),
        (
            echo().with_model("echo", deployer="local-endpoint"),
            "model 'echo': deployer 'local-endpoint' serves huggingface models, and this one has the format 'echo'",
        ),
        (
            echo().with_model("smollm2", trainer="echo-trainer"),
            "model 'smollm2': trainer 'echo-trainer' trains echo models, and this one has the format 'huggingface'",
        ),
        (
            echo().with_model("echo", trainer={"voises": "x"}),
            "model 'echo': trainer 'echo-trainer' has no option 'voises'; did you mean 'voice'?",
        ),
        (
            echo().with_model("echo", varies={"temprature": None}),
            "model 'echo': varies has no 'temprature'; did you mean 'temperature'?",
        ),
        (
            echo().with_model("vllm/m", max_concurency=4),
            "model 'm': model 'openai-compatible' has no option 'max_concurency'; did you mean 'max_concurrency'?",
        ),
        (
            echo().with_model("vllm/m", timeout=4.0, deployer={"timeout": 5.0}),
            "model 'm': the option 'timeout' is given twice: of the model, and of its deployer",
        ),
        (
            echo().with_model("echo").with_model("echo", name="b"),
            "models 'echo' and 'b' are the same recipe with the same prompt; comparing them decides nothing",
        ),
    ],
)
def test_a_model_that_cannot_run_is_one_line(pipeline: Pipeline, message: str, registry: Registry) -> None:
    """The message names the model, what is wrong with it, and what would be right."""
    with pytest.raises(SpecError) as raised:
        pipeline.build(registry)

    assert message == str(raised.value)


def test_options_of_a_hosted_model_and_its_requests_are_given_in_one_place(registry: Registry) -> None:
    """A model without a trainer: what its card lacks and its deployer has is the deployer's."""
    pipeline = echo().with_model("vllm/m", timeout=4.0, api="completions", deployer={"max_concurrency": 3})
    (model,) = pipeline.with_deployer(timeout=9.0, requests_per_minute=6.0).build(registry, offline=True).models

    assert "completions" == model.base.parameters["api"]
    options = model.deployer.options
    assert (4.0, 3, 6.0) == (options["timeout"], options["max_concurrency"], options["requests_per_minute"])


def test_exceptions_of_a_model_are_in_the_plan_and_make_it_another_recipe(registry: Registry) -> None:
    """The same weights with and without them are two candidates."""
    varied = {"temperature": None, "max_tokens_field": "max_completion_tokens"}
    pipeline = echo().with_model("echo").with_model("echo", name="varied", varies=varied)

    plain, other = pipeline.build(registry).models

    assert ({}, varied) == (plain.varies, other.varies)
