"""A model in Hugging Face's form: where it is found, which files hold its weights, and their hash."""

from __future__ import annotations

from pathlib import Path

from llmops_plugins._hub.repository import Repository
from llmops_plugins._hub.snapshot import Snapshot, find_snapshot
from llmops_sdk.plugin import AssetError, Progress, digest, file_sha256

_CONFIGURATION = ("*.json", "*.txt", "*.model")


def find_model(hub_id: str, *, offline: bool, progress: Progress | None = None) -> Snapshot:
    """Return the newest commit of a model on the hub, with its tokenizer and its weights.

    The weights are safetensors where the model has them, else `pytorch_model*.bin`.

    Raises:
        AssetError: Neither the hub nor the cache has it.
    """
    repository = Repository(id=hub_id)
    allow = (*_CONFIGURATION, "*.safetensors")
    # Folders below hold the weights for other frameworks.
    snapshot = find_snapshot(repository, offline=offline, allow=allow, ignore=("*/*",), progress=progress)
    if not any(snapshot.folder.glob("*.safetensors")):
        find_snapshot(repository, offline=offline, allow=("pytorch_model*.bin",), progress=progress)
    return snapshot


def weight_files(folder: Path) -> list[Path]:
    """Return the files of weights that transformers reads from a folder: safetensors where there are some.

    Raises:
        AssetError: It has no weights, or no `config.json`.
    """
    files = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
    if not files or not (folder / "config.json").is_file():
        message = f"{str(folder)!r} has no model in Hugging Face's form: config.json and *.safetensors are needed"
        raise AssetError(message)
    return files


def weights_sha256(folder: Path) -> str:
    """Return the hash of a model's weights, read from disk; with several files it is the hash of their hashes.

    Raises:
        AssetError: The folder has no weights.
    """
    hashes = [file_sha256(file) for file in weight_files(folder)]
    return hashes[0] if len(hashes) == 1 else digest(hashes)
