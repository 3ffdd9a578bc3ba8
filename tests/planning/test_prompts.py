"""Planning prompts: a fair default for each model, and models that name theirs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmops_sdk import AssetError, Pipeline, Registry, SpecError
from llmops_sdk.values.plan import Plan, TrainStep


def sample() -> Pipeline:
    """A pipeline without prompts and models, with a metric that needs no extra."""
    return Pipeline.builder("p").with_dataset("lines").with_evaluator("echo-score")


def compared() -> Pipeline:
    """Two prompts, and a base model that is asked with both."""
    pipeline = sample().with_prompt("chat").with_prompt("alpaca")
    return pipeline.with_model("smollm2", name="base", fine_tune=False)


def trainings(plan: Plan) -> list[str]:
    """The names of the `train` steps."""
    return [step.name for step in plan.steps if isinstance(step, TrainStep)]


def test_each_model_is_asked_in_its_own_form(registry: Registry) -> None:
    """A model with a chat template has `chat`, a base model `alpaca`; a candidate is then called like its model."""
    pipeline = (
        sample()
        .with_model("smollm2", fine_tune=False)
        .with_model("vllm/instruct")
        .with_model("vllm/base", api="completions")
        .with_model("echo", name="unknown", fine_tune=False)
    )

    plan = pipeline.build(registry, offline=True)

    assert {"smollm2": ("chat",), "instruct": ("chat",), "base": ("alpaca",), "unknown": ("alpaca",)} == {
        model.name: model.prompts for model in plan.models
    }
    assert ["chat", "alpaca"] == [prompt.name for prompt in plan.prompts]
    assert [model.name for model in plan.models] == [cell.candidate for cell in plan.cells]


def test_a_folder_without_a_chat_template_is_a_base_model(registry: Registry, tmp_path: Path) -> None:
    """Its tokenizer decides."""
    configuration = tmp_path / "tokenizer_config.json"
    pipeline = sample().with_model("huggingface", weights=str(tmp_path))

    configuration.write_text(json.dumps({"bos_token": "<s>"}), encoding="utf-8")
    assert ("alpaca",) == pipeline.build(registry).models[0].prompts

    configuration.write_text(json.dumps({"chat_template": "{{ messages }}"}), encoding="utf-8")
    assert ("chat",) == pipeline.build(registry).models[0].prompts


def test_models_without_a_list_have_all_prompts_of_the_pipeline(registry: Registry) -> None:
    """The base is asked with both, the other one with its own: it is trained once."""
    pipeline = compared().with_model("smollm2", name="tuned", prompts=["chat"])

    plan = pipeline.build(registry)

    assert ["base.chat", "base.alpaca", "tuned"] == [cell.candidate for cell in plan.cells]
    assert ["train.tuned.chat.lines"] == trainings(plan)


def test_a_model_may_be_trained_with_one_prompt_and_asked_with_several(registry: Registry) -> None:
    """It is then trained once; without `train_prompt` once for each prompt."""
    once = compared().with_model("smollm2", name="tuned", train_prompt="chat").build(registry)
    each = compared().with_model("smollm2", name="tuned").build(registry)

    assert ["train.tuned.chat.lines"] == trainings(once)
    assert ("tuned.chat.lines", "tuned.alpaca.lines") == once.steps[-4].cells  # type: ignore[union-attr]
    assert ["train.tuned.chat.lines", "train.tuned.alpaca.lines"] == trainings(each)


def test_recorded_answers_are_one_candidate(registry: Registry, tmp_path: Path) -> None:
    """The prompt makes no difference to them; one that is named is still checked."""
    path = tmp_path / "old.csv"
    path.write_text("prompt,answer\nline 1,LINE 1\n", encoding="utf-8")
    pipeline = compared()

    plan = pipeline.with_model("recorded", name="old", path=str(path)).build(registry)

    assert ["base.chat", "base.alpaca", "old"] == [cell.candidate for cell in plan.cells]
    with pytest.raises(SpecError, match="the pipeline has no prompt 'plain'"):
        pipeline.with_model("recorded", path=str(path), prompts=["plain"]).build(registry)


def test_names_on_a_model_are_cards_where_the_pipeline_lists_no_prompt(registry: Registry) -> None:
    """Nothing else needs to be listed for a comparison of prompts."""
    plan = sample().with_model("smollm2", fine_tune=False, prompts=["alpaca", "chat"]).build(registry)

    assert ["smollm2.alpaca", "smollm2.chat"] == [cell.candidate for cell in plan.cells]
    assert ["alpaca", "chat"] == [prompt.use for prompt in plan.prompts]


def test_models_that_differ_in_their_prompts_only_are_different_candidates(registry: Registry) -> None:
    """The same model under another name may be asked in another way."""
    pipeline = sample().with_model("smollm2", name="chatting", fine_tune=False)

    plan = pipeline.with_model("smollm2", name="exercise", fine_tune=False, prompts=["alpaca"]).build(registry)

    assert ["chatting", "exercise"] == [cell.candidate for cell in plan.cells]


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        (
            compared().with_model("smollm2", name="b", prompts=["chta"]),
            "model 'b': the pipeline has no prompt 'chta'; did you mean 'chat'?",
        ),
        (
            sample().with_model("smollm2", name="b", prompts=["chta"]),
            "no prompt is called 'chta'; did you mean 'chat'?",
        ),
        (
            compared().with_model("smollm2", name="b", prompts=[]),
            "model 'b': prompts is empty; name at least one, or leave it out",
        ),
        (
            compared().with_model("smollm2", name="b", prompts=["chat", "chat"]),
            "model 'b': prompts names 'chat' twice",
        ),
        (
            compared().with_model("smollm2", name="b", prompts=["chat"], train_prompt="alpaca"),
            "model 'b': train_prompt names 'alpaca', which is none of its prompts: chat",
        ),
        (
            compared().with_model("smollm2", name="b", fine_tune=False, prompts=["chat"], train_prompt="chat"),
            "model 'b': train_prompt names a prompt to fine-tune with, but the model is not fine-tuned",
        ),
        (
            compared().with_model("smollm2", name="b", fine_tune=False, prompts=["chat"]),
            "models 'base' and 'b' are the same recipe with the same prompt; comparing them decides nothing",
        ),
        (
            sample().with_prompt("chat").with_prompt("plain").with_model("smollm2", prompts=["chat"]),
            "no model is asked with the prompt 'plain': add it to the `prompts` of one, or remove it",
        ),
        (
            sample().with_model("vllm/m", api="completions", prompts=["chat"]),
            (
                "deployer 'openai-compatible': the prompt 'chat' is a chat, which the completions API cannot be asked; "
                "use api: chat, or a text prompt"
            ),
        ),
        (
            sample().with_model("huggingface", name="b", weights=str(Path(__file__).parent), prompts=["chat"]),
            "model 'b': it has no chat template, which the prompt 'chat' needs; ask it with a text prompt: `prompts: [alpaca]`",
        ),
    ],
)
def test_prompts_that_cannot_be_asked_are_one_line(pipeline: Pipeline, message: str, registry: Registry) -> None:
    """The message names the model and the prompt, and how to fix it."""
    with pytest.raises(SpecError) as raised:
        pipeline.with_trainer(seed=1).build(registry, offline=True)

    assert message == str(raised.value)


def test_a_default_that_cannot_be_decided_is_no_guess(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that does not answer now may answer the run; offline, the run is refused for the missing model."""

    def find(source: str, _revision: str, *, offline: bool) -> None:
        if not offline:
            message = f"the hub did not answer about the model {source!r}"
            raise AssetError(message)

    monkeypatch.setattr("llmops_plugins._weights.chat_template.find_chat_template", find)
    pipeline = sample().with_model("huggingface", weights="them/far")

    with pytest.raises(SpecError) as raised:
        pipeline.build(registry)

    assert str(raised.value) == (
        "model 'far': its default prompt depends on whether it has a chat template, and model 'huggingface': the hub did"
        " not answer about the model 'them/far'; name the prompt: `prompts: [chat]` for an instruct model, or `[alpaca]`"
    )
    assert ("alpaca",) == pipeline.build(registry, offline=True).models[0].prompts


def test_a_named_prompt_needs_no_model_files(registry: Registry) -> None:
    """What is not known of a model is found out when it is there."""
    pipeline = sample().with_model("huggingface", weights="nobody/nothing", prompts=["chat"])

    assert ("chat",) == pipeline.build(registry, offline=True).models[0].prompts


def test_prompts_is_a_list() -> None:
    """A text would be a list of its letters."""
    with pytest.raises(SpecError, match=r"model 'smollm2': prompts is a list of names: prompts=\['chat'\]"):
        sample().with_model("smollm2", prompts="chat")
