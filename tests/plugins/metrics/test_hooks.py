"""The cards, their options and the checks of the metrics plugin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from llmops_plugins.metrics import hooks
from llmops_plugins.metrics.bertscore.options import BERTSCORE_LAYERS
from llmops_plugins.metrics.robustness.options import (
    GeneralSemanticRobustnessOptions,
    PerturbationOptions,
    QAAccuracySemanticRobustnessOptions,
    SummarizationAccuracySemanticRobustnessOptions,
)
from llmops_plugins.metrics.tasks.options import (
    FactualKnowledgeOptions,
    QAAccuracyOptions,
    SummarizationAccuracyOptions,
)
from llmops_plugins.metrics.toxicity.options import ToxicityOptions
from llmops_sdk import SpecError
from llmops_sdk.plugin.registry import Registry


@pytest.fixture
def registry() -> Registry:
    made = Registry()
    made.add("metrics", hooks, distribution="llmops-sdk")
    return made


# What an evaluator cannot do without.
NEEDED: dict[str, dict[str, Any]] = {
    "classification-accuracy": {"valid_labels": ["yes", "no"]},
    "classification-accuracy-semantic-robustness": {"valid_labels": ["yes", "no"]},
}
TASKS = (
    "summarization-accuracy",
    "qa-accuracy",
    "factual-knowledge",
    "classification-accuracy",
    "prompt-stereotyping",
    "toxicity",
    "summarization-accuracy-semantic-robustness",
    "qa-accuracy-semantic-robustness",
    "classification-accuracy-semantic-robustness",
    "general-semantic-robustness",
)
ROBUSTNESS = tuple(name for name in TASKS if name.endswith("-robustness"))


@pytest.mark.parametrize("name", ["summarization-accuracy", "qa-accuracy"])
def test_evaluators_are_made_from_their_cards(registry: Registry, name: str) -> None:
    """With all defaults, and with options as they stand in a file."""
    assert registry.plugins[0].problem == ""
    assert registry.make("evaluator", name, {}).metrics
    wanted = ["f1"] if name == "qa-accuracy" else ["rouge2", "meteor"]
    assert [metric.name for metric in registry.make("evaluator", name, {"metrics": wanted}).metrics] == wanted


def test_all_algorithms_of_fmeval_may_stand_in_one_pipeline(registry: Registry) -> None:
    """No two of them give a metric of the same name, and only those with questions of their own have probes."""
    made = {name: registry.make("evaluator", name, NEEDED.get(name, {})) for name in TASKS}
    metrics = [metric.name for evaluator in made.values() for metric in evaluator.metrics]

    assert sorted(set(metrics)) == sorted(metrics)
    assert {"prompt-stereotyping", *ROBUSTNESS} == {
        name for name in TASKS if getattr(registry.offer("evaluator", name).card, "probes", False)
    }


@pytest.mark.parametrize("name", ROBUSTNESS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"perturbation_type": "butterfinger"}, "perturbation_type is one of butter_finger, random_upper_case, "),
        ({"num_perturbations": 0}, "num_perturbations"),
        ({"butter_finger_perturbation_prob": 1.5}, "butter_finger_perturbation_prob"),
        ({"whitespace_add_prob": -0.1}, "whitespace_add_prob"),
        ({"field": ""}, "field"),
        ({"seed": -1}, "seed"),
    ],
)
def test_changes_that_cannot_be_made_are_refused(
    registry: Registry, name: str, options: dict[str, Any], message: str
) -> None:
    """By every evaluator that changes questions."""
    with pytest.raises(SpecError, match=message):
        registry.make("evaluator", name, {**NEEDED.get(name, {}), **options})


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("general-semantic-robustness", {"num_baseline_samples": 1}, "num_baseline_samples is 0, or at least 2"),
        ("general-semantic-robustness", {"bertscore_model": "some/encoder"}, "bertscore_layers is needed"),
        ("qa-accuracy", {"metrics": ["bertscore"], "bertscore_model": "some/encoder"}, "bertscore_layers is needed"),
        ("factual-knowledge", {"logical_operator": "XOR"}, "logical_operator is one of OR, AND, not 'XOR'"),
        ("classification-accuracy", {}, "valid_labels"),
        ("classification-accuracy", {"valid_labels": [0, 1]}, "expected text, found 0 in valid_labels"),
        ("prompt-stereotyping", {"sent_more": ""}, "sent_more"),
    ],
)
def test_options_of_the_tasks_that_cannot_be_meant_are_refused(
    registry: Registry, name: str, options: dict[str, Any], message: str
) -> None:
    """When the pipeline is built."""
    with pytest.raises(SpecError, match=message):
        registry.make("evaluator", name, options)


def test_bertscore_without_an_engine_is_refused(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the pipeline is built, with what to type; the other metrics need none."""
    monkeypatch.setattr("llmops_plugins.metrics.bertscore.options.find_spec", lambda _: None)
    with pytest.raises(SpecError, match=r"BERTScore needs onnxruntime: pip install 'llmops-sdk\[metrics\]'"):
        registry.make("evaluator", "qa-accuracy", {"metrics": ["f1", "bertscore"]})
    assert registry.make("evaluator", "qa-accuracy", {})


@pytest.mark.parametrize(
    ("options", "assets"),
    [
        (QAAccuracyOptions(), ()),
        (QAAccuracyOptions(bertscore_model="some/encoder"), ()),
        (QAAccuracyOptions(metrics=("bertscore",)), ("minilm",)),
        (QAAccuracySemanticRobustnessOptions(metrics=("f1", "bertscore")), ("minilm",)),
        (GeneralSemanticRobustnessOptions(), ("minilm",)),
        (GeneralSemanticRobustnessOptions(metrics=("word_error_rate",)), ()),
        (
            SummarizationAccuracySemanticRobustnessOptions(metrics=("meteor",)),
            SummarizationAccuracyOptions(metrics=("meteor",)).assets(),
        ),
    ],
)
def test_the_encoder_is_asked_for_where_bertscore_is(options: Any, assets: tuple[str, ...]) -> None:
    """Question answering has it off."""
    assert assets == options.assets()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metrics": ["rougel"]}, "no metric is called 'rougel'; known: rouge1, rouge2, rougeL, rougeLsum, meteor"),
        ({"metrics": []}, "metrics are one or more of"),
        ({"metrics": ["meteor", "meteor"]}, "each once"),
        ({"metrics": "meteor"}, "metric"),
        ({"bertscore_model": "some/encoder"}, "bertscore_layers is needed for the encoder 'some/encoder'"),
        ({"bertscore_layers": 0}, "bertscore_layers"),
        ({"reference": ""}, "reference"),
        ({"use_stemmer": "yes"}, "true or false"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(registry: Registry, options: dict[str, Any], message: str) -> None:
    """When the pipeline is built, with the reason."""
    with pytest.raises(SpecError, match=message):
        registry.make("evaluator", "summarization-accuracy", options)


@pytest.mark.parametrize(
    ("options", "assets"),
    [
        ({}, ("wordnet", "punkt-tab", "minilm")),
        ({"metrics": ("rouge1", "rougeL")}, ()),
        ({"metrics": ("meteor",)}, ("wordnet", "punkt-tab")),
        ({"metrics": ("bertscore",)}, ("minilm",)),
        ({"metrics": ("bertscore",), "bertscore_model": "roberta-large-mnli"}, ()),
    ],
)
def test_only_the_assets_that_are_needed_are_asked_for(options: dict[str, Any], assets: tuple[str, ...]) -> None:
    """ROUGE needs none; an encoder of the user's own makes MiniLM needless."""
    assert assets == SummarizationAccuracyOptions(**options).assets()


def test_the_layers_of_fmevals_encoders_are_those_of_bert_score(needs: Callable[..., None]) -> None:
    """The table is the package's, as far as it knows the encoders."""
    needs("bert_score")
    from bert_score.utils import model2layers as known

    assert {name: known[name] for name in BERTSCORE_LAYERS if name in known} == {
        "microsoft/deberta-xlarge-mnli": 40,
        "roberta-large-mnli": 19,
        "roberta-large": 17,
    }
    assert all(
        BERTSCORE_LAYERS[name] == known[name.removeprefix("FacebookAI/")]
        for name in BERTSCORE_LAYERS
        if name != "minilm"
    )


def test_an_unknown_encoder_needs_its_layer() -> None:
    """Only where BERTScore is wanted."""
    assert SummarizationAccuracyOptions(bertscore_model="some/encoder", bertscore_layers=3).layers == 3
    assert SummarizationAccuracyOptions(bertscore_model="some/encoder", metrics=("meteor",)).layers is None
    assert SummarizationAccuracyOptions(bertscore_layers=2).layers == 2


def test_fmevals_defaults_are_kept() -> None:
    """The stemmer is on, several accepted answers are split at <OR>, and five copies have a tenth of their keys missed."""
    assert SummarizationAccuracyOptions().use_stemmer
    assert QAAccuracyOptions().delimiter == "<OR>" == FactualKnowledgeOptions().delimiter
    assert FactualKnowledgeOptions().logical_operator == "OR"
    assert ToxicityOptions().model_type == "detoxify"
    assert attrs.asdict(PerturbationOptions()) == {
        "perturbation_type": "butter_finger",
        "num_perturbations": 5,
        "butter_finger_perturbation_prob": 0.1,
        "random_uppercase_corrupt_proportion": 0.1,
        "whitespace_add_prob": 0.05,
        "whitespace_remove_prob": 0.1,
        "field": "instruction",
        "seed": 5,
    }


def test_the_checks_find_what_is_there() -> None:
    """The libraries behind each metric; assets are looked at by the core."""
    found = {check.name: check.run() for check in hooks.llmops_checks()}

    assert list(found) == ["rouge", "meteor", "bertscore"]
    assert {"ok"} == {finding.status for finding in found.values()}


@pytest.mark.parametrize(
    ("there", "status"),
    [
        ({"onnxruntime", "onnx"}, "ok"),
        ({"onnxruntime", "torch"}, "warning"),
        ({"onnx", "torch"}, "warning"),
        ({"torch"}, "warning"),
        ({"onnx"}, "error"),
    ],
)
def test_a_slower_bertscore_is_told(monkeypatch: pytest.MonkeyPatch, there: set[str], status: str) -> None:
    """Without ONNX Runtime, torch computes the encoder; without both, nothing does."""
    monkeypatch.setattr("llmops_plugins.metrics.checks.installed_version", lambda name: "1.0" if name in there else "")
    check = next(check for check in hooks.llmops_checks() if check.name == "bertscore")

    assert status == check.run().status
