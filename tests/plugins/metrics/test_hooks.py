"""The cards, their options and the checks of the metrics plugin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.metrics import hooks
from llmops_plugins.metrics.summarization_options import BERTSCORE_LAYERS, SummarizationAccuracyOptions
from llmops_plugins.metrics.task_options import QAAccuracyOptions
from llmops_sdk import SpecError
from llmops_sdk.registry import Registry


@pytest.fixture
def registry() -> Registry:
    made = Registry()
    made.add("metrics", hooks, distribution="llmops-sdk")
    return made


@pytest.mark.parametrize("name", ["summarization-accuracy", "qa-accuracy"])
def test_evaluators_are_made_from_their_cards(registry: Registry, name: str) -> None:
    """With all defaults, and with options as they stand in a file."""
    assert registry.plugins[0].problem == ""
    assert registry.make("evaluator", name, {}).metrics
    wanted = ["f1"] if name == "qa-accuracy" else ["rouge2", "meteor"]
    assert [metric.name for metric in registry.make("evaluator", name, {"metrics": wanted}).metrics] == wanted


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


def test_the_layers_of_fmevals_encoders_are_those_of_bert_score() -> None:
    """The table is the package's, as far as it knows the encoders."""
    known = pytest.importorskip("bert_score.utils").model2layers

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
    """The stemmer is on, and several accepted answers are split at <OR>."""
    assert SummarizationAccuracyOptions().use_stemmer
    assert QAAccuracyOptions().delimiter == "<OR>"


def test_the_checks_find_what_is_there(
    asset: Callable[[str], Path], assets_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Libraries and assets, and what to type for an asset that is not here yet."""
    asset("wordnet")
    monkeypatch.setenv("LLMOPS_HOME", str(assets_home))
    found = {check.name: check.look() for check in hooks.llmops_checks()}

    assert list(found) == ["nltk", "rouge", "asset wordnet", "asset punkt-tab", "asset minilm"]
    assert found["nltk"].status == found["asset wordnet"].status == "ok"
    monkeypatch.setenv("LLMOPS_HOME", str(tmp_path))
    absent = {check.name: check.look() for check in hooks.llmops_checks()}["asset wordnet"]
    assert (absent.status, absent.mend) == ("warning", "llmops assets get wordnet")


@pytest.mark.parametrize(("version", "status"), [("", "error"), ("3.9.1", "error"), ("3.10.4", "ok")])
def test_another_nltk_is_told(monkeypatch: pytest.MonkeyPatch, version: str, status: str) -> None:
    """METEOR is defined by one line of versions."""
    monkeypatch.setattr("llmops_plugins.metrics.checks.installed", lambda _: version)
    check = next(check for check in hooks.llmops_checks() if check.name == "nltk")

    assert status == check.look().status
