"""Specifications as the data of a file: read, written, and refused with the place of the mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import SpecError
from llmops_sdk.planning.specification.data import component_from, spec_from, spec_to
from llmops_sdk.planning.specification.spec import ComponentSpec, ModelSpec, Override, Spec, StopEarly
from llmops_sdk.values.generation_options import GenerationOptions

DATA: dict[str, Any] = {
    "name": "summaries",
    "datasets": [{"use": "sample", "category": "summarization", "words": ["a", "b"]}, {"use": "dolly", "name": "real"}],
    "prompts": ["alpaca"],
    "models": [
        "smollm2",
        {
            "use": "smollm2",
            "name": "tuned",
            "fine_tune": True,
            "train_on": "sample",
            "revision": "main",
            "trainer": {"max_steps": 5},
            "deployer": {"use": "local-endpoint"},
            "varies": {"temperature": None, "stop": ["a"]},
            "prompts": ["alpaca"],
            "train_prompt": "alpaca",
        },
    ],
    "trainer": {"epochs": 2.0},
    "generation": {"max_new_tokens": 64, "stop": ["\n\n"], "repeats": 3},
    "evaluators": ["summarization-accuracy"],
    "reporters": [{"use": "html", "path": "report.html"}],
    "decide_by": "meteor",
    "weights": {"sample": 2, "real": 1},
    "noise_floor": True,
    "stop_early": {"looks": 4},
    "executor": {"use": "local", "workers": 1},
    "settings": {"sagemaker": {"region": "us-east-1"}},
}
SPEC = Spec(
    name="summaries",
    datasets=(
        ComponentSpec("sample", options={"category": "summarization", "words": ("a", "b")}),
        ComponentSpec("dolly", "real"),
    ),
    prompts=(ComponentSpec("alpaca"),),
    models=(
        ModelSpec("smollm2"),
        ModelSpec(
            use="smollm2",
            name="tuned",
            options={"revision": "main"},
            fine_tune=True,
            train_on="sample",
            trainer=Override("", {"max_steps": 5}),
            deployer=Override("local-endpoint"),
            varies={"temperature": None, "stop": ("a",)},
            prompts=("alpaca",),
            train_prompt="alpaca",
        ),
    ),
    trainer=Override("", {"epochs": 2.0}),
    generation=GenerationOptions(max_new_tokens=64, stop=("\n\n",), repeats=3),
    evaluators=(ComponentSpec("summarization-accuracy"),),
    reporters=(ComponentSpec("html", options={"path": "report.html"}),),
    decide_by="meteor",
    weights={"sample": 2, "real": 1},
    noise_floor=True,
    stop_early=StopEarly(4),
    executor=ComponentSpec("local", options={"workers": 1}),
    settings={"sagemaker": {"region": "us-east-1"}},
    folder=Path("specs"),
)


def read(data: Any) -> Spec:
    return spec_from(data, where="file.yaml", folder=Path("specs"))


def test_data_and_specification_are_the_same() -> None:
    """Reading gives the specification, writing gives the data; lists are tuples in code."""
    assert read(DATA) == SPEC
    assert spec_to(SPEC) == DATA


def test_what_has_its_default_is_not_written() -> None:
    """A specification with a model only is two lines."""
    assert {"name": "pipeline", "models": ["smollm2"]} == spec_to(Spec(models=(ModelSpec("smollm2"),)))


def test_a_trainer_may_be_given_by_its_name() -> None:
    """As a text in the place of a mapping; so may the deployer."""
    spec = read({"models": [{"use": "smollm2", "trainer": "lora"}], "deployer": "local-endpoint"})

    assert Override("lora") == spec.models[0].trainer
    assert Override("local-endpoint") == spec.deployer


def test_an_empty_trainer_asks_for_the_models_own() -> None:
    """The model is fine-tuned then, as with any other trainer, unless `fine_tune` is false."""
    asked, refused = read(
        {"models": [{"use": "huggingface", "trainer": {}}, {"use": "huggingface", "trainer": {}, "fine_tune": False}]}
    ).models

    assert (True, False) == (asked.fine_tune, refused.fine_tune)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (["a"], "file.yaml is not a mapping; it starts with `name:` and `models:`"),
        ({"stop_early": True}, "file.yaml: stop_early is a mapping of names to values, not True"),
        ({"stop_early": {"looks": "3"}}, "file.yaml: stop_early: expected a whole number, found '3' in looks"),
        ({"stop_early": {"look": 3}}, "file.yaml: stop_early: unknown key 'look'; did you mean 'looks'?"),
        ({"modles": []}, "file.yaml has an unknown key 'modles'; did you mean 'models'?"),
        ({"models": "smollm2"}, "file.yaml: models is a list; write `- ` before each item"),
        ({"models": [{"name": "x"}]}, "file.yaml: models.0 does not name a plugin's card; write `use: NAME`"),
        ({"name": 3}, "file.yaml: name is text, not 3; put it in quotes to make it text"),
        ({"models": [{"use": 3}]}, "file.yaml: models.0.use is text, not 3; put it in quotes to make it text"),
        (
            {"models": [{"use": "smollm2", "fine_tune": "maybe"}]},
            "file.yaml: models.0.fine_tune is true or false, not 'maybe'",
        ),
        (
            {"models": [{"use": "smollm2", "trainer": [1]}]},
            "file.yaml: models.0.trainer is a mapping of names to values, not [1]",
        ),
        ({"prompts": []}, "file.yaml: prompts is empty; list something below it, or remove the key"),
        (
            {"models": [{"use": "smollm2", "prompts": "chat"}]},
            "file.yaml: models.0.prompts is a list of names, such as [chat, alpaca], not 'chat'",
        ),
        (
            {"models": [{"use": "smollm2", "prompts": ["chat", 1]}]},
            "file.yaml: models.0.prompts.1 is text, not 1; put it in quotes to make it text",
        ),
        ({"reporters": [{"path": "x"}]}, "file.yaml: reporters.0 does not name a plugin's card; write `use: NAME`"),
        ({"settings": {"aws": 3}}, "file.yaml: settings.aws is a mapping of names to values, not 3"),
        ({"generation": [1]}, "file.yaml: generation is a mapping of names to values, not [1]"),
        (
            {"generation": {"max_new_tokens": "many"}},
            "file.yaml: generation: expected a whole number, found 'many' in max_new_tokens",
        ),
        ({"generation": {"max_new_tokens": 0}}, "file.yaml: generation: 'max_new_tokens' must be >= 1: 0"),
        (
            {"generation": {"max_tokens": 5}},
            "file.yaml: generation: unknown key 'max_tokens'; did you mean 'max_new_tokens'?",
        ),
        (
            {"generation": {"temprature": 1, "zzz": 1}},
            (
                "file.yaml: generation: unknown key 'temprature'; did you mean 'temperature'?; "
                "unknown key 'zzz'; known: max_new_tokens, repeats, response_format, seed, stop, temperature, top_p"
            ),
        ),
    ],
)
def test_data_that_does_not_fit_is_one_line_with_its_place(data: Any, message: str) -> None:
    """The message has the file, the place in it, and what would be right."""
    with pytest.raises(SpecError) as raised:
        read(data)

    assert message == str(raised.value)


def test_one_component_is_read_on_its_own() -> None:
    """`rescore` and `llmops score` take evaluators in this form."""
    assert ComponentSpec("text-metrics") == component_from("text-metrics", "evaluator")
    assert ComponentSpec("text-metrics", "two", {"metrics": ("bleu",)}) == component_from(
        {"use": "text-metrics", "name": "two", "metrics": ["bleu"]}, "evaluator"
    )
