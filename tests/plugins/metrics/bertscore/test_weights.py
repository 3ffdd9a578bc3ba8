"""Where an encoder's weights come from, and how they are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_plugins.metrics.bertscore.weights import find_weights
from llmops_sdk import AssetError
from llmops_sdk.plugin import Context, file_sha256

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def test_weights_have_an_exact_name_and_a_hash(context: Context, minilm: Path) -> None:
    """The name of the asset is its hub id, that of a folder its path."""
    for model, name in (("minilm", "sentence-transformers/all-MiniLM-L6-v2"), (str(minilm), str(minilm.resolve()))):
        weights = find_weights(context, model)

        assert (name, WEIGHTS_SHA256) == (weights.name, weights.sha256())
    assert file_sha256(minilm / "model.safetensors") == WEIGHTS_SHA256


def test_a_model_in_the_hubs_cache_is_found_offline(
    context: Context, tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name is the hub id with the commit."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    stored = tmp_path / "hub" / "models--some--encoder"
    (stored / "refs").mkdir(parents=True)
    (stored / "refs" / "main").write_text(commit)
    (stored / "snapshots").mkdir()
    (stored / "snapshots" / commit).symlink_to(tiny_encoder)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))

    assert f"some/encoder@{commit}" == find_weights(context, "some/encoder").name


def test_missing_weights_are_an_error_that_says_how_to_get_them(context: Context, tmp_path: Path) -> None:
    """A hub id that is not cached, and a folder without weights."""
    with pytest.raises(
        AssetError,
        match=r"the BERTScore encoder 'no/such' is not available: the model 'no/such' is not in the Hugging Face cache; "
        r"run 'hf download no/such' on a machine with a network and copy its cache to this one, or give bertscore_model a ",
    ):
        find_weights(context, "no/such")
    with pytest.raises(AssetError, match=r"has no model in Hugging Face's form"):
        find_weights(context, str(tmp_path))
