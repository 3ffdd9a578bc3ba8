"""The encoder behind BERTScore: where its weights are, its tokens, and one unit vector a token."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from llmops_plugins.metrics.assets import MINILM, MINILM_HUB_ID, MINILM_WEIGHTS
from llmops_plugins.metrics.hub import snapshot
from llmops_sdk.plugin import AssetError, Context, SpecError, digest, file_sha256

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@attrs.frozen
class Weights:
    """An encoder's files and its true name.

    Attributes:
        name: The hub id, with its commit where it is known, or the folder's path.
        folder: Where the files are.
        pinned_sha256: What the weights' hash is known to be; empty where they must be read for it.
    """

    name: str
    folder: Path
    pinned_sha256: str = ""

    def sha256(self) -> str:
        """Return the hash of the weights, read anew where it is not pinned; of several files, the hash of their hashes."""
        if self.pinned_sha256:
            return self.pinned_sha256
        hashes = [file_sha256(file) for file in weight_files(self.folder)]
        return hashes[0] if len(hashes) == 1 else digest(hashes)


@attrs.frozen(eq=False)
class Embedding:
    """A text as the encoder sees it.

    Attributes:
        vectors: One unit vector a token, shape (tokens, width), single precision.
        counted: Which tokens count towards a score: all but the separators; shape (tokens,).
    """

    vectors: npt.NDArray[np.float32]
    counted: npt.NDArray[np.bool_]

    @property
    def size(self) -> int:
        """Return the bytes of the vectors."""
        return self.vectors.nbytes


class Encoder(ABC):
    """The first layers of a transformer encoder, cut as bert_score cuts it.

    Attributes:
        engine: The libraries that compute it, with their versions.
        max_tokens: How many tokens of a text it takes, separators and all.
    """

    engine: str
    max_tokens: int

    @abstractmethod
    def tokens(self, text: str) -> list[int]:
        """Return the tokens of a text with its separators, cut to what the encoder takes."""

    @abstractmethod
    def embed(self, texts: Iterable[str]) -> dict[str, Embedding]:
        """Return the embedding of each distinct text."""


def check_layers(wanted: int, there: int) -> None:
    """Refuse a layer that the encoder has not.

    Raises:
        SpecError: It has fewer.
    """
    if not 1 <= wanted <= there:
        message = f"bertscore_layers={wanted} is not a layer of this encoder; it has 1 to {there}"
        raise SpecError(message)


def find_weights(context: Context, model: str) -> Weights:
    """Return the encoder that the option `bertscore_model` names: the asset, a folder, or a hub id.

    Raises:
        AssetError: It cannot be had here.
    """
    if model == MINILM:
        folder = context.asset(MINILM)
        return Weights(MINILM_HUB_ID, folder, _recorded_sha256(folder))
    if Path(model).expanduser().is_dir():
        folder = Path(model).expanduser().resolve()
        name = str(folder)
    else:
        folder = _from_hub(model, offline=context.offline)
        name = f"{model}@{folder.name}"
    weight_files(folder)
    return Weights(name, folder)


def weight_files(folder: Path) -> list[Path]:
    """Return the files transformers would read: safetensors where there are some.

    Raises:
        AssetError: The folder holds no encoder.
    """
    files = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
    if not files or not (folder / "config.json").is_file():
        message = f"{str(folder)!r} holds no encoder in Hugging Face's form: config.json and *.safetensors are needed"
        raise AssetError(message)
    return files


def _recorded_sha256(folder: Path) -> str:
    """Return the hash that was taken when the asset was fetched, and must be the pinned one."""
    manifest = json.loads((folder / "asset.json").read_text(encoding="utf-8"))
    return str(manifest["files"][MINILM_WEIGHTS]["sha256"])


def _from_hub(model: str, *, offline: bool) -> Path:
    try:
        return snapshot(model, offline=offline)
    except AssetError as exc:
        hint = f"type 'hf download {model}' where there is a network and copy that cache here"
        message = (
            f"the BERTScore encoder {model!r} cannot be had: {exc}; {hint}, or give bertscore_model a folder, "
            f"or {MINILM!r}"
        )
        raise AssetError(message) from exc
