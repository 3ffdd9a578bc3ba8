"""Where the weights are that FMEval computes with, their true name, and their hash."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from llmops_plugins.fmeval.hub import snapshot
from llmops_plugins.fmeval.job import Job, add_model
from llmops_plugins.fmeval.options import FMEVAL_ENCODERS, MINILM
from llmops_sdk.plugin import AssetError, Context, digest, file_sha256

if TYPE_CHECKING:
    from llmops_plugins.fmeval.options import BertscoreOptions


@attrs.frozen(kw_only=True)
class Encoder:
    """An encoder for BERTScore.

    Attributes:
        name: Its true name: the hub id, with its commit where it is known, or the folder's path.
        folder: Where its files are.
        layers: The layer that is compared.
        known_as: How FMEval itself calls it, or empty.
        pinned: Whether the options alone say which weights it has.
    """

    name: str
    folder: Path
    layers: int
    known_as: str = ""
    pinned: bool = False

    def sha256(self) -> str:
        """Return the hash of the weights, read anew."""
        return sha256_of(self.folder)

    def put_into(self, job: Job, folder: Path) -> Job:
        """Return the job with this encoder: by FMEval's own name, else by the folder, through a helper class of ours."""
        if not self.known_as:
            return attrs.evolve(job, encoder={"folder": str(self.folder), "layers": self.layers})
        add_model(folder, self.known_as, self.folder)
        return attrs.evolve(job, config={**job.config, "model_type_for_bertscore": self.known_as})


def find_encoder(context: Context, options: BertscoreOptions) -> Encoder:
    """Return the encoder that the options name: the asset, a folder, or a hub id.

    Raises:
        AssetError: It cannot be had here.
    """
    model, layers = options.bertscore_model, options.layers or 0
    if model == MINILM:
        name = "sentence-transformers/all-MiniLM-L6-v2"
        found = Encoder(name=name, folder=context.asset(MINILM), layers=layers, pinned=True)
    elif Path(model).expanduser().is_dir():
        folder = Path(model).expanduser().resolve()
        found = Encoder(name=str(folder), folder=folder, layers=layers)
    else:
        try:
            folder = snapshot(model, offline=context.offline)
        except AssetError as exc:
            hint = f"type 'hf download {model}' where there is a network and copy that cache here"
            message = (
                f"the BERTScore encoder {model!r} cannot be had: {exc}; {hint}, or give bertscore_model a folder, "
                f"or {MINILM!r}"
            )
            raise AssetError(message) from exc
        known_as = model if model in FMEVAL_ENCODERS else ""
        found = Encoder(name=f"{model}@{folder.name}", folder=folder, layers=layers, known_as=known_as)
    weight_files(found.folder)
    return found


def sha256_of(folder: Path) -> str:
    """Return the hash of a model's weights, read anew; with several files it is the hash of their hashes."""
    hashes = [file_sha256(file) for file in weight_files(folder)]
    return hashes[0] if len(hashes) == 1 else digest(hashes)


def weight_files(folder: Path) -> list[Path]:
    """Return the files transformers would read: safetensors where there are some.

    Raises:
        AssetError: There are none, or no `config.json`.
    """
    files = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
    if not files or not (folder / "config.json").is_file():
        message = f"'{folder}' holds no model in Hugging Face's form: config.json and *.safetensors are needed"
        raise AssetError(message)
    return files
