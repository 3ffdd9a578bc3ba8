"""What evaluators with BERTScore share: the encoder of a process, its fingerprint and its provenance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

import llmops_sdk.testing
from llmops_plugins.metrics.bertscore import score as bertscore
from llmops_plugins.metrics.bertscore.encoder import Embedding
from llmops_plugins.metrics.bertscore.evaluator import BertscoreEvaluator
from llmops_plugins.metrics.bertscore.onnx import OnnxEncoder
from llmops_plugins.metrics.tasks.options import SummarizationAccuracyOptions
from llmops_sdk import Pipeline, Progress
from llmops_sdk.plugin import Context, Generation, Metric, RecordScore, file_sha256
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import InstantEndpoint, make_context

RECORDS = 80  # more than one batch


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """The number of times each text is embedded in this test, by a scorer with an empty cache."""
    counts: Counter[str] = Counter()
    embed = OnnxEncoder.embed

    def counting(self: OnnxEncoder, texts: Iterable[str]) -> dict[str, Embedding]:
        texts = list(texts)
        counts.update(texts)
        return embed(self, texts)

    bertscore.bert_score.cache_clear()
    monkeypatch.setattr(OnnxEncoder, "embed", counting)
    return counts


def test_a_run_of_two_models_embeds_every_text_once(
    tmp_path: Path,
    assets_home: Path,
    asset: Callable[[str], Path],
    embedded: Counter[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The references once for both models, although each has a score step of its own."""
    asset("minilm")
    monkeypatch.setenv("LLMOPS_HOME", str(assets_home))
    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    endpoints = {name: InstantEndpoint(f"{name} of {{}}".format) for name in ("loud", "quiet")}
    builder = (
        Pipeline.builder("two")
        .with_dataset("lines", records=RECORDS + 10, test_fraction=RECORDS / (RECORDS + 10))
        .with_prompt("bare")
        .with_evaluator("summarization-accuracy", metrics=["bertscore"])
    )
    for name, endpoint in endpoints.items():
        builder = builder.with_model("echo", name=name, voice=name, fine_tune=False, deployer={"url": endpoint.url})
    try:
        result = builder.run(store=str(tmp_path / "runs"), registry=registry, progress=Progress())
    finally:
        for endpoint in endpoints.values():
            endpoint.close()

    cells = result.leaderboards[0].cells
    assert [RECORDS, RECORDS] == [cell.estimates["bertscore"].records for cell in cells]
    references = {text for text in embedded if text.startswith("LINE ")}
    outputs = {name: {text for text in embedded if text.startswith(f"{name} of line ")} for name in endpoints}
    assert [RECORDS, RECORDS, RECORDS] == [len(references), *map(len, outputs.values())]
    assert {1} == set(embedded.values())
    assert 3 * RECORDS == len(embedded)


class _Evaluator(BertscoreEvaluator):
    """An evaluator with BERTScore and nothing else."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return ()

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        return iter(())


def test_without_bertscore_no_encoder_is_loaded(tmp_path: Path) -> None:
    """A context without assets is enough."""
    context = make_context(tmp_path)
    evaluator = _Evaluator(SummarizationAccuracyOptions(metrics=("rouge1",)))

    assert None is evaluator.bertscore(context)
    assert "" == evaluator.fingerprint(context)
    assert {} == evaluator.provenance(context)


def test_the_fingerprint_is_the_hash_of_weights_that_the_options_do_not_pin(context: Context, minilm: Path) -> None:
    """The asset is pinned by its name; a folder is not."""
    pinned, folder = (
        _Evaluator(SummarizationAccuracyOptions(bertscore_model=model, bertscore_layers=6))
        for model in ("minilm", str(minilm))
    )

    assert "" == pinned.fingerprint(context)
    assert file_sha256(minilm / "model.safetensors") == folder.fingerprint(context)
    assert str(minilm.resolve()) == folder.provenance(context)["bertscore_model"]
