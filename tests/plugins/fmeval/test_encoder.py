"""The encoder that FMEval computes BERTScore with: the asset, a folder, or a model on the hub."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from llmops_plugins.fmeval.encoder import find_encoder
from llmops_plugins.fmeval.job import Job
from llmops_plugins.fmeval.options import QAAccuracyOptions
from llmops_sdk import AssetError
from llmops_sdk.plugin import Context


def test_a_missing_encoder_is_an_error_that_says_how_to_get_it(
    bare: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offline, and not in the hub's cache."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    message = (
        "'us/encoder' is not available: .*; run 'hf download us/encoder' on a machine with a network and copy its cache"
    )
    with pytest.raises(AssetError, match=message):
        find_encoder(
            attrs.evolve(bare, offline=True), QAAccuracyOptions(bertscore_model="us/encoder", bertscore_layers=1)
        )


def test_an_encoder_is_the_asset_a_folder_or_a_cached_model(
    bare: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The options pin only the asset; a name of FMEval's own is passed to it, other encoders as their folder."""
    commit = "1" * 40
    folder = tmp_path / "hub/models--roberta-large-mnli/snapshots" / commit
    folder.mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        (folder / name).touch()
    (folder.parents[1] / "refs").mkdir()
    (folder.parents[1] / "refs/main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    context = attrs.evolve(bare, offline=True, asset=lambda _name: folder)

    asset, path, model = (
        find_encoder(context, QAAccuracyOptions(bertscore_model=name, bertscore_layers=layers))
        for name, layers in (("minilm", None), (str(folder), 2), ("roberta-large-mnli", None))
    )

    assert ("sentence-transformers/all-MiniLM-L6-v2", 6, True) == (asset.name, asset.layers, asset.pinned)
    assert (str(folder), 2, False) == (path.name, path.layers, path.pinned)
    assert (f"roberta-large-mnli@{commit}", 19, False) == (model.name, model.layers, model.pinned)
    job = Job(module="m", name="N", columns=(), sample={})
    assert {"model_type_for_bertscore": "roberta-large-mnli"} == model.add_to(job, tmp_path).config
    assert (tmp_path / "home/hub/models--roberta-large-mnli/refs/main").is_file()


def test_bert_score_gets_a_name_with_the_architecture_instead_of_a_path(bare: Context, tmp_path: Path) -> None:
    """It takes every name with "t5" in it for a T5: a path must not be one by chance."""
    folder = tmp_path / "cat5"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert"}')
    (folder / "model.safetensors").touch()
    encoder = find_encoder(bare, QAAccuracyOptions(bertscore_model=str(folder), bertscore_layers=2))

    job = encoder.add_to(Job(module="m", name="N", columns=(), sample={}), tmp_path)

    assert {"model": "encoder/bert", "layers": 2} == job.encoder
    cached = next((tmp_path / "home/hub/models--encoder--bert/snapshots").iterdir())
    assert folder.resolve() == cached.resolve()
