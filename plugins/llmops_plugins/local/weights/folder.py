"""A folder with a model in Hugging Face format: what it must contain, and its version."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from llmops_sdk.plugin import AssetError, digest, file_sha256

# The files that decide a model's answers; what a training leaves behind (optimizer.pt) and notes (README.md) do not.
_SUFFIXES = (".json", ".safetensors", ".model", ".txt", ".jinja")


def is_folder(source: str) -> bool:
    """Return whether a source of weights is a path: an existing folder, or what can only be meant as a path."""
    path = Path(source).expanduser()
    return path.is_dir() or path.is_absolute() or source.startswith((".", "~")) or source.count("/") > 1


def check_model_folder(source: str) -> Path:
    """Return the absolute path of a folder with a model.

    Raises:
        AssetError: It does not exist, or is not a model with safetensors.
    """
    folder = Path(source).expanduser().resolve()
    if not folder.is_dir():
        message = f"there is no folder '{folder}' with weights"
        raise AssetError(message)
    if not (folder / "config.json").is_file():
        adapter = (folder / "adapter_config.json").is_file()
        reason = "only an adapter: merge it into its base model first" if adapter else "no config.json"
        message = f"the folder '{folder}' is not a model in Hugging Face format: it has {reason}"
        raise AssetError(message)
    if not any(folder.glob("*.safetensors")):
        message = f"the folder '{folder}' has no *.safetensors file: save the model with safe_serialization=True"
        raise AssetError(message)
    return folder


def model_files(folder: Path) -> list[Path]:
    """Return the files that decide a model's answers."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix in _SUFFIXES and path.name != "asset.json" and not path.name.startswith(".") and path.is_file()
    )


def folder_version(home: Path, folder: Path) -> str:
    """Return the hash of a model's files; a file with the same size and time as last time is not read again."""
    cache = home / "hashes" / f"{digest(str(folder))}.json"
    try:
        cached: dict[str, list[Any]] = json.loads(cache.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        cached = {}
    current: dict[str, list[Any]] = {}
    for path in model_files(folder):
        status = path.stat()
        old = cached.get(path.name, [])
        same = old[:2] == [status.st_size, status.st_mtime_ns]
        current[path.name] = [status.st_size, status.st_mtime_ns, old[2] if same else file_sha256(path)]
    if current != cached:
        cache.parent.mkdir(parents=True, exist_ok=True)
        part = cache.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(current), encoding="utf-8")
        part.replace(cache)
    return digest({name: entry[2] for name, entry in current.items()})
