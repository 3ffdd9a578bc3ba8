"""The options of the evaluators for tasks: what is refused, FMEval's defaults, and the assets they need."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from llmops_plugins.metrics.robustness.options import (
    PerturbationOptions,
)
from llmops_plugins.metrics.tasks.options import (
    FactualKnowledgeOptions,
    QAAccuracyOptions,
    SummarizationAccuracyOptions,
)
from llmops_plugins.metrics.toxicity.options import ToxicityOptions
from llmops_sdk import SpecError
from llmops_sdk.plugin.registry import Registry


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
def test_invalid_options_are_refused(
    metrics_registry: Registry, name: str, options: dict[str, Any], message: str
) -> None:
    """When the pipeline is built."""
    with pytest.raises(SpecError, match=message):
        metrics_registry.make("evaluator", name, options)


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
def test_invalid_options_for_summaries_are_refused(
    metrics_registry: Registry, options: dict[str, Any], message: str
) -> None:
    """When the pipeline is built, with the reason."""
    with pytest.raises(SpecError, match=message):
        metrics_registry.make("evaluator", "summarization-accuracy", options)


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
def test_only_needed_assets_are_listed(options: dict[str, Any], assets: tuple[str, ...]) -> None:
    """ROUGE needs none; with the user's own encoder, MiniLM is not needed."""
    assert assets == SummarizationAccuracyOptions(**options).assets()


def test_fmevals_defaults_are_kept() -> None:
    """The stemmer is on, accepted answers are split at <OR>, and five copies have a tenth of their letters mistyped."""
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
