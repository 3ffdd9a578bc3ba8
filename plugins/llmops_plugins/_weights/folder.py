"""A folder with a model in Hugging Face format: what it must contain, and its version."""

from __future__ import annotations

import json
from pathlib import Path

from llmops_plugins._weights.hashes import file_hashes
from llmops_sdk.plugin import AssetError, digest, name_binary, read_head

# The files that decide a model's answers; what a training leaves behind (optimizer.pt) and notes (README.md) do not.
_SUFFIXES = (".json", ".safetensors", ".model", ".txt", ".jinja")
_INDEX = "model.safetensors.index.json"
_ADAPTER = "adapter_"  # how PEFT's files start
_TOKENIZERS = ("tokenizer", "vocab", "spiece", "sentencepiece", "merges", "tekken")
_HEADER = 8


def is_folder(source: str) -> bool:
    """Return whether a source of weights is a path: an existing folder, or what can only be meant as a path."""
    path = Path(source).expanduser()
    return path.is_dir() or path.is_absolute() or source.startswith((".", "~")) or source.count("/") > 1


def check_model_folder(source: str) -> Path:
    """Return the absolute path of a folder with a model.

    Only names and small files are looked at, so this is quick for weights of any size.

    Raises:
        AssetError: It does not exist, or is not a complete model with safetensors and a tokenizer.
    """
    folder = Path(source).expanduser().resolve()
    if not folder.is_dir():
        message = f"there is no folder '{folder}' with weights"
        raise AssetError(message)
    adapter = adapter_problem(folder)
    if adapter or not (folder / "config.json").is_file():
        message = f"the folder '{folder}' is not a model in Hugging Face format: it has {adapter or 'no config.json'}"
        raise AssetError(message)
    if not any(folder.glob("*.safetensors")):
        message = f"the folder '{folder}' has no *.safetensors file: save the model with safe_serialization=True"
        raise AssetError(message)
    problem = _problem(folder)
    if problem:
        message = f"the folder '{folder}' is not a complete model: {problem}"
        raise AssetError(message)
    return folder


def adapter_problem(folder: Path) -> str:
    """Return why the files of a LoRA adapter in a folder are no model; empty without such files.

    transformers would apply it to whatever weights are beside it, fit or not, and set at random what the files lack.
    """
    if not (folder / f"{_ADAPTER}config.json").is_file():
        return ""
    if any(not path.name.startswith(_ADAPTER) for path in folder.glob("*.safetensors")):
        return "a model and an adapter: move the adapter's files (adapter_*) to another folder, or merge it into the model first"
    return "only an adapter: merge it into its base model first (peft: merge_and_unload, then save_pretrained)"


def model_files(folder: Path) -> list[Path]:
    """Return the files that decide a model's answers."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix in _SUFFIXES and path.name != "asset.json" and not path.name.startswith(".") and path.is_file()
    )


def folder_version(home: Path, folder: Path) -> str:
    """Return the hash of a model's files; a file that has not changed since last time is not read again."""
    return digest(file_hashes(home, folder, model_files(folder)))


def _problem(folder: Path) -> str:
    """Return what is wrong with the small files of a model's folder, or that files are missing; empty if nothing is."""
    for name in ("config.json", _INDEX):
        path = folder / name
        if path.is_file():
            try:
                content = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError, RecursionError):
                return f"{name} is not JSON"
            if not isinstance(content, dict):
                return f"{name} is not a JSON object"
    missing = sorted(_shards(folder) - {path.name for path in folder.iterdir()})
    if missing:
        return f"{_INDEX} names {len(missing)} files that are not there, such as {missing[0]!r}"
    for path in sorted(folder.glob("*.safetensors")):
        problem = _weights_problem(path)
        if problem:
            return f"{path.name} {problem}"
    if not any(path.name.startswith(_TOKENIZERS) for path in folder.iterdir()):
        return "it has no tokenizer: save it with tokenizer.save_pretrained(FOLDER)"
    return ""


def _shards(folder: Path) -> set[str]:
    """Return the files of the weights that the index names, where there is one."""
    index = folder / _INDEX
    if not index.is_file():
        return set()
    weights = json.loads(index.read_text(encoding="utf-8")).get("weight_map")
    return set(map(str, weights.values())) if isinstance(weights, dict) else set()


def _weights_problem(path: Path) -> str:
    """Return what is wrong with a safetensors file, by its header: 8 bytes of length, then JSON, then the weights."""
    head = read_head(path)
    other = name_binary(head)
    if other:
        return other
    length = int.from_bytes(head[:8], "little")
    if len(head) < _HEADER or head[_HEADER : _HEADER + 1] != b"{" or _HEADER + length > path.stat().st_size:
        return "is not safetensors, or was cut off while it was copied"
    return ""
