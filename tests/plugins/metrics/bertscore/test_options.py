"""The options of evaluators with BERTScore: the encoder, its layer, and what must be installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from llmops_plugins.metrics.bertscore.options import BERTSCORE_LAYERS
from llmops_plugins.metrics.robustness.options import (
    GeneralSemanticRobustnessOptions,
    QAAccuracySemanticRobustnessOptions,
    SummarizationAccuracySemanticRobustnessOptions,
)
from llmops_plugins.metrics.tasks.options import (
    QAAccuracyOptions,
    SummarizationAccuracyOptions,
)
from llmops_sdk import SpecError
from llmops_sdk.plugin.registry import Registry


def test_bertscore_without_an_engine_is_refused(metrics_registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the pipeline is built, with the command that installs one; the other metrics need none."""
    monkeypatch.setattr("llmops_plugins.metrics.bertscore.options.find_spec", lambda _: None)
    with pytest.raises(SpecError, match=r"BERTScore needs onnxruntime: pip install .*\[metrics\]'"):
        metrics_registry.make("evaluator", "qa-accuracy", {"metrics": ["f1", "bertscore"]})
    assert metrics_registry.make("evaluator", "qa-accuracy", {})


def test_the_layers_of_fmevals_encoders_are_those_of_bert_score(needs: Callable[..., None]) -> None:
    """The table agrees with the package's for every encoder that both have."""
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
    """Only where BERTScore is among the metrics."""
    assert SummarizationAccuracyOptions(bertscore_model="some/encoder", bertscore_layers=3).layers == 3
    assert SummarizationAccuracyOptions(bertscore_model="some/encoder", metrics=("meteor",)).layers is None
    assert SummarizationAccuracyOptions(bertscore_layers=2).layers == 2


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
def test_the_encoder_is_an_asset_where_bertscore_is_a_metric(options: Any, assets: tuple[str, ...]) -> None:
    """It is no metric of question answering by default."""
    assert assets == options.assets()
