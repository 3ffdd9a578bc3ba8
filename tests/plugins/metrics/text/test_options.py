"""The options of text metrics: what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_sdk import SpecError
from llmops_sdk.plugin.registry import Registry


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metrics": ["exact_match"]}, "no metric is called 'exact_match'; known: token_f1, exact, bleu"),
        ({"ngram": 0}, "'ngram' must be >= 1"),
        ({"normalize": "SQuAD"}, "normalize is one of squad, none, not 'SQuAD'"),
        ({"bleu_tokenizer": "spm"}, "bleu_tokenizer is one of 13a, intl, zh, char, none, not 'spm'"),
        ({"source": ""}, "source"),
    ],
)
def test_invalid_options_are_refused(metrics_registry: Registry, options: dict[str, Any], message: str) -> None:
    """When the pipeline is built, with the reason."""
    with pytest.raises(SpecError, match=message):
        metrics_registry.make("evaluator", "text-metrics", options)


def test_sacrebleu_is_required_only_for_its_own_metrics(
    metrics_registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the extra, the other metrics work; the message has the command that installs it."""
    monkeypatch.setattr("llmops_plugins.metrics.text.options.find_spec", lambda _: None)

    assert metrics_registry.make("evaluator", "text-metrics", {}).metrics
    with pytest.raises(SpecError, match=r"'chrf' needs sacrebleu: pip install .*\[metrics\]'"):
        metrics_registry.make("evaluator", "text-metrics", {"metrics": ["chrf"]})
