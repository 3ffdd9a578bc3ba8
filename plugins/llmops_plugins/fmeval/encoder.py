"""The encoder that FMEval computes BERTScore with: where its weights are, its exact name, and their hash."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from llmops_plugins._hub.model import find_model, weight_files, weights_sha256
from llmops_plugins.fmeval.job import Job, add_model
from llmops_plugins.fmeval.options import FMEVAL_ENCODERS, MINILM
from llmops_sdk.plugin import AssetError, Context

if TYPE_CHECKING:
    from llmops_plugins.fmeval.options import BertscoreOptions


@attrs.frozen(kw_only=True)
class Encoder:
    """An encoder for BERTScore.

    Attributes:
        name: Its exact name: the hub id, with its commit where it is known, or the folder's path.
        folder: Where its files are.
        layers: The layer that is compared.
        fmeval_name: FMEval's own name for it, or empty.
        pinned: Whether the options alone determine its weights.
    """

    name: str
    folder: Path
    layers: int
    fmeval_name: str = ""
    pinned: bool = False

    def sha256(self) -> str:
        """Return the hash of the weights, read from disk."""
        return weights_sha256(self.folder)

    def add_to(self, job: Job, folder: Path) -> Job:
        """Return the job with this encoder: by FMEval's own name, else by one of ours, through a helper class of ours.

        It is never its folder's path: bert_score takes every path with "t5" in it for a T5, and scores with random weights.
        """
        name = self.fmeval_name or f"encoder/{self._architecture()}"
        add_model(folder, name, self.folder)
        if self.fmeval_name:
            return attrs.evolve(job, config={**job.config, "model_type_for_bertscore": name})
        return attrs.evolve(job, encoder={"model": name, "layers": self.layers})

    def _architecture(self) -> str:
        configuration = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
        return str(configuration.get("model_type", "unknown"))


def find_encoder(context: Context, options: BertscoreOptions) -> Encoder:
    """Return the encoder that the options name: the asset, a folder, or a hub id.

    Raises:
        AssetError: It is not available here.
    """
    model, layers = options.bertscore_model, options.layers or 0
    if model == MINILM:
        name = "sentence-transformers/all-MiniLM-L6-v2"
        encoder = Encoder(name=name, folder=context.asset(MINILM), layers=layers, pinned=True)
    elif Path(model).expanduser().is_dir():
        folder = Path(model).expanduser().resolve()
        encoder = Encoder(name=str(folder), folder=folder, layers=layers)
    else:
        encoder = _from_hub(context, model, layers)
    weight_files(encoder.folder)
    return encoder


def _from_hub(context: Context, model: str, layers: int) -> Encoder:
    try:
        snapshot = find_model(model, offline=context.offline, progress=context.progress)
    except AssetError as exc:
        hint = f"run 'hf download {model}' on a machine with a network and copy its cache to this one"
        message = (
            f"the BERTScore encoder {model!r} is not available: {exc}; {hint}, or give bertscore_model a folder, "
            f"or {MINILM!r}"
        )
        raise AssetError(message) from exc
    return Encoder(
        name=f"{model}@{snapshot.commit}",
        folder=snapshot.folder,
        layers=layers,
        fmeval_name=model if model in FMEVAL_ENCODERS else "",
    )
