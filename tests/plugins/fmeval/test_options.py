"""The options of FMEval's algorithms: what is refused, FMEval's defaults, and the assets they need."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_plugins.fmeval import options
from llmops_plugins.fmeval.interpreter import VARIABLE
from llmops_plugins.metrics.bertscore.options import BERTSCORE_LAYERS
from llmops_sdk import SpecError
from llmops_sdk.plugin.registry import Registry

from .conftest import python_with

_OUR_NAMES = {"use_stemmer_for_rouge": "use_stemmer", "target_output_delimiter": "delimiter"}


@pytest.mark.parametrize(
    ("name", "chosen", "message"),
    [
        ("fmeval-summarization-accuracy", {"rouge_type": "rougeLsum"}, "rouge_type"),
        ("fmeval-summarization-accuracy", {"bertscore_model": "some/encoder"}, "bertscore_layers is needed"),
        (
            "fmeval-summarization-accuracy",
            {"bertscore_model": "roberta-large-mnli", "bertscore_layers": 24},
            "FMEval uses layer 19 of its encoder 'roberta-large-mnli'",
        ),
        ("fmeval-qa-accuracy", {"delimiter": ""}, "delimiter"),
        ("fmeval-factual-knowledge", {"logical_operator": "XOR"}, "logical_operator"),
        ("fmeval-factual-knowledge", {"logical_operator": "AND"}, "contradict each other"),
        ("fmeval-classification-accuracy", {"valid_labels": ["very good"]}, "a label is one word"),
        ("fmeval-classification-accuracy", {"multiclass_average_strategy": "mean"}, "multiclass_average_strategy"),
        ("fmeval-toxicity", {"model_type": "perspective"}, "model_type"),
        ("fmeval-general-semantic-robustness", {"num_baseline_samples": 1}, "num_baseline_samples is 0, or at least 2"),
        ("fmeval-qa-accuracy-semantic-robustness", {"perturbation_type": "typo"}, "perturbation_type"),
        ("fmeval-qa-accuracy-semantic-robustness", {"whitespace_add_prob": 1.5}, "whitespace_add_prob"),
        ("fmeval-qa-accuracy", {"workers": 0}, "workers"),
    ],
)
def test_invalid_options_are_refused(
    fmeval_registry: Registry, name: str, chosen: dict[str, Any], message: str
) -> None:
    """When the pipeline is built, with the reason."""
    with pytest.raises(SpecError, match=message):
        fmeval_registry.make("evaluator", name, chosen)


def _defaults(package: Path, module: str, name: str) -> dict[str, Any]:
    """Return the literal defaults of one of FMEval's configurations, read from its source: importing it takes 10 s."""
    source = (package / "eval_algorithms" / f"{module}.py").read_text(encoding="utf-8")
    (config,) = (
        part for part in ast.parse(source).body if isinstance(part, ast.ClassDef) and part.name == f"{name}Config"
    )
    return {
        line.target.id: line.value.value
        for line in config.body
        if isinstance(line, ast.AnnAssign)
        and isinstance(line.target, ast.Name)
        and isinstance(line.value, ast.Constant)
    }


@pytest.mark.rare
def test_defaults_are_fmevals(fmeval_package: Path) -> None:
    """The defaults of its configurations; a few options have the names of the metrics plugin instead."""
    changes = _defaults(fmeval_package, "semantic_robustness_utils", "SemanticRobustness")
    ours = {field.name: field.default for field in attrs.fields(options.PerturbationOptions)}
    assert {name: ours[name] for name in changes} == changes
    assert {*changes, "perturbation_type"} == set(options.PerturbationOptions().perturbation())

    for module, name, options_class, our_names in [
        ("summarization_accuracy", "SummarizationAccuracy", options.SummarizationAccuracyOptions, _OUR_NAMES),
        ("qa_accuracy", "QAAccuracy", options.QAAccuracyOptions, _OUR_NAMES),
        ("factual_knowledge", "FactualKnowledge", options.FactualKnowledgeOptions, _OUR_NAMES),
        ("classification_accuracy", "ClassificationAccuracy", options.ClassificationAccuracyOptions, _OUR_NAMES),
    ]:
        own = {field.name: field.default for field in attrs.fields(options_class)}
        theirs = {
            our_names.get(key, key): value
            for key, value in _defaults(fmeval_package, module, name).items()
            if value is not None
        }
        assert theirs
        assert {key: own[key] for key in theirs} == theirs


@pytest.mark.usefixtures("fmeval_nowhere")
@pytest.mark.parametrize(
    ("name", "chosen", "assets"),
    [
        ("fmeval-summarization-accuracy", {}, {"wordnet", "punkt-tab", "minilm"}),
        ("fmeval-summarization-accuracy", {"bertscore_model": "roberta-large-mnli"}, {"wordnet", "punkt-tab"}),
        ("fmeval-qa-accuracy-semantic-robustness", {}, {"minilm"}),
        ("fmeval-factual-knowledge", {}, set()),
        ("fmeval-toxicity", {}, {"detoxify-checkpoint"}),
        ("fmeval-toxicity", {"model_type": "toxigen"}, {"toxigen"}),
    ],
)
def test_needed_assets_are_listed(
    fmeval_registry: Registry, name: str, chosen: dict[str, Any], assets: set[str]
) -> None:
    """FMEval's environment is one of them where no interpreter is named."""
    assert {*assets, "fmeval"} == set(fmeval_registry.make("evaluator", name, chosen).options.assets())

    named = {**chosen, "python": "/opt/fmeval/bin/python"}
    assert assets == set(fmeval_registry.make("evaluator", name, named).options.assets())


@pytest.mark.usefixtures("fmeval_nowhere")
def test_a_named_interpreter_is_checked_before_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the option, or by the variable; FMEval's environment needs no check of its own, since it is an asset."""
    assert [] == list(options.QAAccuracyOptions().local_checks())

    python = python_with(tmp_path, "1.2.3", "3.10.4", "0.3.13")
    (check,) = options.QAAccuracyOptions(python=python).local_checks()
    assert (f"fmeval with {python!r}", "ok") == (check.name, check.run().status)

    monkeypatch.setenv(VARIABLE, "/no/such/python")
    (check,) = options.QAAccuracyOptions().local_checks()
    assert "error" == check.run().status
    assert "'llmops assets get fmeval'" in check.run().hint


def test_the_layers_of_encoders_are_those_of_the_metrics_plugin() -> None:
    """FMEval's own encoders are among them."""
    assert BERTSCORE_LAYERS == options.BERTSCORE_LAYERS
    assert set(options.BERTSCORE_LAYERS) >= set(options.FMEVAL_ENCODERS)
