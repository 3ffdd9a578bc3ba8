"""Models in Hugging Face's form: which files of a repository are taken, and the hash of their weights."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from llmops_plugins._hub.model import weight_files, weights_sha256
from llmops_sdk import AssetError

from .conftest import COMMIT, Ask


def test_a_model_on_the_hub_comes_with_one_form_of_its_weights(ask: Ask) -> None:
    """Safetensors where it has them, else torch's own files; nothing of other frameworks, no notes."""
    pytest.importorskip("huggingface_hub", reason="the hub is reached through its library")

    assert ask("model.find_model('us/tiny', offline=False)", "model.find_model('us/old', offline=False)") == [
        f"{COMMIT} config.json model.safetensors",
        f"{COMMIT} config.json pytorch_model.bin",
    ]


def test_safetensors_are_preferred(tmp_path: Path) -> None:
    """As transformers does; other files of the folder are no weights."""
    for name in ("config.json", "pytorch_model.bin", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in weight_files(tmp_path)] == ["pytorch_model.bin"]

    for name in ("b.safetensors", "a.safetensors"):
        (tmp_path / name).touch()
    assert [path.name for path in weight_files(tmp_path)] == ["a.safetensors", "b.safetensors"]


@pytest.mark.parametrize("names", [(), ("config.json",), ("model.safetensors",)])
def test_a_folder_without_a_model_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    """Both the configuration and the weights are needed."""
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(AssetError, match=r"has no model in Hugging Face's form: config.json and \*.safetensors"):
        weight_files(tmp_path)


def test_the_hash_covers_all_weights(tmp_path: Path) -> None:
    """One file has its own hash; with several, any change of one of them changes the hash."""
    (tmp_path / "config.json").touch()
    (tmp_path / "1.safetensors").write_bytes(b"one")
    assert weights_sha256(tmp_path) == hashlib.sha256(b"one").hexdigest()

    (tmp_path / "2.safetensors").write_bytes(b"two")
    both = weights_sha256(tmp_path)
    (tmp_path / "2.safetensors").write_bytes(b"three")
    assert len({both, weights_sha256(tmp_path), hashlib.sha256(b"one").hexdigest()}) == 3
