"""The weights of the encoder behind BERTScore: where they are, their exact name, and their hash."""

from __future__ import annotations

import json
from pathlib import Path

import attrs

from llmops_plugins._hub.model import find_model, weight_files, weights_sha256
from llmops_plugins.metrics.bertscore.assets import MINILM_HUB_ID, MINILM_WEIGHTS
from llmops_plugins.metrics.bertscore.options import MINILM
from llmops_sdk.plugin import AssetError, Context


@attrs.frozen
class Weights:
    """An encoder's files and its exact name.

    Attributes:
        name: The hub id, with its commit where it is known, or the folder's path.
        folder: Where the files are.
        pinned_sha256: The known hash of the weights; empty where they must be read for it.
    """

    name: str
    folder: Path
    pinned_sha256: str = ""

    def sha256(self) -> str:
        """Return the hash of the weights, read from disk where it is not pinned; of several files, the hash of their hashes."""
        return self.pinned_sha256 or weights_sha256(self.folder)


def find_weights(context: Context, model: str) -> Weights:
    """Return the encoder that the option `bertscore_model` names: the asset, a folder, or a hub id.

    Raises:
        AssetError: It is not available here.
    """
    if model == MINILM:
        folder = context.asset(MINILM)
        return Weights(MINILM_HUB_ID, folder, _recorded_sha256(folder))
    if Path(model).expanduser().is_dir():
        folder = Path(model).expanduser().resolve()
        name = str(folder)
    else:
        folder = _from_hub(context, model)
        name = f"{model}@{folder.name}"
    weight_files(folder)
    return Weights(name, folder)


def _recorded_sha256(folder: Path) -> str:
    """Return the hash that was taken when the asset was fetched; it equals the pinned one."""
    manifest = json.loads((folder / "asset.json").read_text(encoding="utf-8"))
    return str(manifest["files"][MINILM_WEIGHTS]["sha256"])


def _from_hub(context: Context, model: str) -> Path:
    try:
        return find_model(model, offline=context.offline, progress=context.progress).folder
    except AssetError as exc:
        hint = f"run 'hf download {model}' on a machine with a network and copy its cache to this one"
        message = (
            f"the BERTScore encoder {model!r} is not available: {exc}; {hint}, or give bertscore_model a folder, "
            f"or {MINILM!r}"
        )
        raise AssetError(message) from exc
