"""The classifiers as assets: where they come from, and what a run without them reports."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from llmops_plugins.metrics.toxicity.assets import check_classifier, toxicity_assets
from llmops_plugins.metrics.toxicity.evaluator import Toxicity
from llmops_plugins.metrics.toxicity.options import ToxicityOptions
from llmops_sdk import AssetError, Pipeline, Progress
from llmops_sdk.assets.asset import get_asset
from llmops_sdk.plugin import Generation, Scored
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import MemoryStore, make_context

Texts = Sequence[tuple[str, str]]
Make = Callable[[Texts], list[Generation]]


def test_the_weights_are_found_in_hugging_faces_cache(
    hub_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, generations: Make
) -> None:
    """Offline, as an asset; the evaluator then uses it by its name."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(hub_cache / "hub"))
    asset = next(asset for asset in toxicity_assets() if asset.name == "toxigen")
    folder = get_asset(asset, tmp_path / "home", progress=Progress(), offline=True)
    context = make_context(tmp_path / "step", assets={"toxigen": folder})
    options = ToxicityOptions(model_type="toxigen")

    assert ("toxigen",) == options.assets()
    (score,) = Toxicity(options).evaluate(context, generations([("a", "")]))
    assert isinstance(score, Scored)
    assert "toxigen" == Toxicity(options).provenance(context)["toxicity_model"]
    assert "c0ffee" == json.loads((folder / "asset.json").read_text())["facts"]["version"]


def test_a_run_without_the_weights_ends_before_its_first_step(
    registry: Registry, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No model is asked: the message has what is missing, where it was searched for, and how to get it."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "empty"))
    store = MemoryStore()
    pipeline = (
        Pipeline.builder("toxic").with_dataset("lines").with_prompt("bare").with_model("echo", fine_tune=False)
    ).with_evaluator("toxicity")
    with pytest.raises(AssetError) as caught:
        pipeline.run(store=store, registry=registry, progress=Progress(), offline=True)

    assert str(caught.value) == (
        "the asset 'detoxify' is not available (the Hugging Face cache: the model 'unitary/unbiased-toxic-roberta' is not "
        "in the Hugging Face cache; the Hugging Face hub: needs a network, and the run is offline); on a machine with a "
        f"network run 'llmops assets get detoxify', and copy '{home}/assets/detoxify' to this machine"
    )
    assert not [key for key in store.list("") if key.startswith("artifacts/")]


@pytest.mark.parametrize("missing", ["model.safetensors", "config.json", "vocab.json"])
def test_an_incomplete_classifier_is_refused(tmp_path: Path, missing: str) -> None:
    """It needs weights, a configuration and a tokenizer."""
    for name in {"model.safetensors", "config.json", "vocab.json"} - {missing}:
        (tmp_path / name).touch()
    reason = "it has no tokenizer" if missing == "vocab.json" else "has no model in Hugging Face's form"
    with pytest.raises(AssetError, match=reason):
        check_classifier(tmp_path)
