"""Exports a model in Hugging Face format: the same folder with the weights in another number format, as one would publish it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from llmops_plugins._weights.folder import folder_version, model_files
from llmops_sdk.plugin import digest

_DEFAULT, _PUBLISHED = "bfloat16", ("bfloat16", "float16")
_CONFIG = "config.json"
_DTYPE_KEYS = ("dtype", "torch_dtype")  # the names of transformers 5 and 4


def export_model(home: Path, folder: Path, dtype: str) -> Path:
    """Return the folder of a model's export; it is made once, in the cache, and appears complete, by a rename.

    Args:
        home: The cache of this machine.
        folder: The model.
        dtype: `bfloat16`, `float16` or `float32`; `auto` is that of the model's configuration if it has 16 bits, else
            `bfloat16`.
    """
    config = _read_config(folder)
    if dtype == "auto":
        dtype = stored if (stored := stored_dtype(folder)) in _PUBLISHED else _DEFAULT
    target = home / "exports" / digest(folder_version(home, folder), dtype)
    if target.is_dir():
        return target
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        for file in model_files(folder):
            if file.suffix == ".safetensors":
                _convert(file, part / file.name, dtype)
            elif file.name == _CONFIG:
                (part / _CONFIG).write_text(json.dumps(_with_dtype(config, dtype), indent=2), encoding="utf-8")
            else:
                shutil.copyfile(file, part / file.name)
        part.replace(target)
    except OSError:
        if not target.is_dir():  # another run has exported it meanwhile
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return target


def stored_dtype(folder: Path) -> str:
    """Return the number format of a model's weights as its configuration names it; empty where it names none."""
    config = _read_config(folder)
    return str(next((config[key] for key in _DTYPE_KEYS if config.get(key)), ""))


def _read_config(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
    return config


def _convert(source: Path, target: Path, dtype: str) -> None:
    """Write a file of weights with its numbers in another format; what is no floating-point number stays as it is."""
    import torch
    from safetensors import safe_open
    from safetensors.torch import save_file

    torch_dtype = getattr(torch, dtype)
    with safe_open(source, framework="pt") as weights:
        tensors = {name: weights.get_tensor(name) for name in weights.keys()}  # noqa: SIM118 - it is no mapping
        metadata = weights.metadata()
    save_file(
        {name: each.to(torch_dtype) if each.is_floating_point() else each for name, each in tensors.items()},
        target,
        metadata,
    )


def _with_dtype(config: dict[str, Any], dtype: str) -> dict[str, Any]:
    present = [key for key in _DTYPE_KEYS if key in config]
    return {**config, **dict.fromkeys(present or [_DTYPE_KEYS[-1]], dtype)}
