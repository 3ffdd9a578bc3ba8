"""An encoder computed by torch and transformers: for those that ONNX Runtime does not support here (RoBERTa, DeBERTa)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoModel,
    AutoTokenizer,
    GPT2Tokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    RobertaTokenizer,
)

from llmops_plugins.metrics.bertscore.encoder import Embedding, Encoder, check_layer
from llmops_sdk.plugin import AssetError, SpecError

# Padded tokens in one batch: few enough for a processor's cache, enough to keep a GPU busy.
_BATCH_TOKENS = {"cpu": 1024, "cuda": 16_384}
# A prefix of this many characters per token fills the encoder, except for texts with long gaps or very long tokens.
_CHARACTERS_PER_TOKEN = 8


class TorchEncoder(Encoder):
    """The first layers of any encoder transformers knows.

    Args:
        folder: The weights, in Hugging Face's form.
        layers: The number of layers to use; the last of them gives the vectors.

    Raises:
        AssetError: The folder does not hold an encoder that can be loaded.
        SpecError: The encoder has fewer layers, or an architecture whose layers cannot be cut.
    """

    def __init__(self, folder: Path, layers: int) -> None:
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            # bert_score uses the slow tokenizer of transformers 4; the two kinds do not agree on every text.
            self._tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
                folder, use_fast=False, local_files_only=True
            )
            model = AutoModel.from_pretrained(folder, local_files_only=True, weights_only=True)
        except (OSError, ValueError, ImportError) as exc:
            message = f"the BERTScore encoder in {str(folder)!r} cannot be loaded: {_first_line(exc)}"
            raise AssetError(message) from exc
        self.max_tokens = _max_tokens(self._tokenizer, model)
        self.engine = f"torch {version('torch')}, transformers {version('transformers')}"
        _keep_layers(model, layers)
        self._model: PreTrainedModel = model.float().eval().to(self._device)

    def tokens(self, text: str) -> list[int]:
        # Halves of surrogate pairs are not characters, and some tokenizers fail on them.
        text = text.encode("utf-8", "ignore").decode("utf-8").strip()
        size = _CHARACTERS_PER_TOKEN * self.max_tokens
        # Some tokenizers need time that grows with the square of the length, and everything beyond the maximum is cut.
        while size < len(text) and len(self._encode(text[:size])) < self.max_tokens + _CHARACTERS_PER_TOKEN:
            size *= 2
        return self._encode(text[:size], max_length=self.max_tokens, truncation=True)

    def embed(self, texts: Iterable[str]) -> dict[str, Embedding]:
        tokens = {text: self.tokens(text) for text in texts}
        by_length = sorted(tokens, key=lambda text: len(tokens[text]), reverse=True)
        embeddings: dict[str, Embedding] = {}
        while by_length:
            fitting = max(1, _BATCH_TOKENS[self._device] // len(tokens[by_length[0]]))
            batch, by_length = by_length[:fitting], by_length[fitting:]
            embeddings.update(zip(batch, self._embed([tokens[text] for text in batch]), strict=True))
        return embeddings

    def _encode(self, text: str, **cut: Any) -> list[int]:
        # bert_score asks for this space by an argument that transformers 5 ignores.
        if text and isinstance(self._tokenizer, (GPT2Tokenizer, RobertaTokenizer)):
            text = f" {text}"
        return list(self._tokenizer.encode(text, add_special_tokens=True, verbose=False, **cut))

    def _embed(self, batch: Sequence[list[int]]) -> list[Embedding]:
        width = max(map(len, batch))
        padding = self._tokenizer.pad_token_id or 0
        ids = torch.tensor([tokens + [padding] * (width - len(tokens)) for tokens in batch], device=self._device)
        mask = torch.tensor([[1] * len(tokens) + [0] * (width - len(tokens)) for tokens in batch], device=self._device)
        with torch.inference_mode():
            hidden = self._model(ids, attention_mask=mask)[0]
            vectors = (hidden / hidden.norm(dim=-1, keepdim=True)).cpu().numpy()
        separators = (self._tokenizer.cls_token_id, self._tokenizer.sep_token_id)
        return [
            # A copy: a slice would keep the whole padded batch alive in the cache.
            Embedding(vectors[row, : len(tokens)].copy(), np.isin(tokens, separators, invert=True))
            for row, tokens in enumerate(batch)
        ]


def _max_tokens(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> int:
    """Return the number of tokens the encoder takes. A tokenizer without a limit has a huge number there."""
    config = model.config
    positions = int(getattr(config, "max_position_embeddings", 512))
    if config.model_type in {"roberta", "xlm-roberta", "camembert"}:  # their positions start after the padding's
        positions -= config.pad_token_id + 1
    return min(int(tokenizer.model_max_length), positions)


def _keep_layers(model: PreTrainedModel, layers: int) -> None:
    """Drop the layers after the last one used: the encoder's output is then that layer's."""
    stack: Any = getattr(model, "encoder", None) or getattr(model, "transformer", None)
    if not hasattr(stack, "layer"):
        message = (
            f"BERTScore cannot use a layer of the architecture {model.config.model_type!r}: name a BERT-like encoder"
        )
        raise SpecError(message)
    check_layer(layers, len(stack.layer))
    stack.layer = stack.layer[:layers]


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
