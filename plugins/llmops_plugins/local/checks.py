"""The checks of `llmops doctor` for this machine: libraries, device and memory."""

from __future__ import annotations

import math
from importlib.metadata import PackageNotFoundError, version

from llmops_plugins.local.names import EXTRA
from llmops_sdk.plugin import Check, Finding, install_hint

_LIBRARIES = ("torch", "openvino", "transformers", "peft", "safetensors", "gguf", "starlette", "uvicorn")
# Bytes. Training the default model takes about this much, serving it less.
_MEMORY = 3e9


def checks() -> tuple[Check, ...]:
    """Return the checks; none of them imports torch, which takes seconds."""
    return (
        Check("local libraries", _check_libraries),
        Check("device", _check_device),
        Check("memory", _check_memory),
    )


def _check_libraries() -> Finding:
    installed, missing = [], []
    for name in _LIBRARIES:
        try:
            installed.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding("warning", f"not installed: {', '.join(missing)}", install_hint(EXTRA))
    return Finding("ok", ", ".join(installed))


def _check_device() -> Finding:
    """Look for a GPU by its device node; a step that picks its device reports whether torch can use it."""
    from llmops_plugins.local.device import may_have_gpu, usable_cores

    cores = f"{usable_cores()} CPU cores"
    if may_have_gpu():
        return Finding("ok", f"a GPU and {cores}")
    return Finding("ok", f"{cores}, no GPU")


def _check_memory() -> Finding:
    from llmops_plugins.local.engine.memory import free_memory

    free = free_memory()
    if not math.isfinite(free):
        return Finding("ok", "this system does not report its free memory")
    text = f"{free / 1e9:.1f} GB free"
    if free < _MEMORY:
        hint = "close other programs, or train with a smaller batch_tokens"
        return Finding("warning", f"{text}; fine-tuning the default model takes about {_MEMORY / 1e9:.0f} GB", hint)
    return Finding("ok", text)
