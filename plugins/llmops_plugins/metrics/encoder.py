"""The encoder behind BERTScore: where its weights are, its tokens, and one unit vector a token."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from llmops_plugins.metrics.assets import MINILM, MINILM_HUB_ID
from llmops_plugins.metrics.hub import snapshot
from llmops_sdk import AssetError, Context, SpecError, digest, file_sha256

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# Padded tokens in one batch: as many as a processor's cache likes, and what keeps a GPU busy.
_BATCH_TOKENS = {"cpu": 1024, "cuda": 16_384}
# A prefix of this many characters a token fills the encoder, but for texts with long gaps or very long tokens.
_CHARACTERS_A_TOKEN = 8


@attrs.frozen
class Weights:
    """An encoder's files and its true name.

    Attributes:
        name: The hub id, with its commit where it is known, or the folder's path.
        folder: Where the files are.
    """

    name: str
    folder: Path

    def sha256(self) -> str:
        """Return the hash of the weights, read anew; with several files it is the hash of their hashes."""
        hashes = [file_sha256(file) for file in _weight_files(self.folder)]
        return hashes[0] if len(hashes) == 1 else digest(hashes)


@attrs.frozen
class Embedding:
    """A text as the encoder sees it.

    Attributes:
        vectors: One unit vector a token, shape (tokens, width).
        counted: Which tokens count towards a score: all but the separators; shape (tokens,).
    """

    vectors: Any
    counted: Any

    @property
    def size(self) -> int:
        """Return the bytes of the vectors."""
        return int(self.vectors.nelement() * self.vectors.element_size())


class Encoder:
    """The first layers of a transformer encoder, as bert_score cuts it.

    Args:
        folder: The weights, in Hugging Face's form.
        layers: How many layers are used; the last of them gives the vectors.

    Raises:
        AssetError: The folder does not hold an encoder that can be loaded.
        SpecError: The encoder has not so many layers, or an architecture whose layers cannot be cut.
    """

    def __init__(self, folder: Path, layers: int) -> None:
        import torch
        from transformers import AutoModel, AutoTokenizer

        self._torch = torch
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            # bert_score takes the slow tokenizer, and the two kinds do not agree on every text.
            self._tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
                folder, use_fast=False, local_files_only=True
            )
            model = AutoModel.from_pretrained(folder, local_files_only=True, weights_only=True)
        except (OSError, ValueError, ImportError) as exc:
            message = f"the BERTScore encoder in {str(folder)!r} cannot be loaded: {_first_line(exc)}"
            raise AssetError(message) from exc
        self.max_tokens = _max_tokens(self._tokenizer, model)
        _keep_layers(model, layers)
        self._model: PreTrainedModel = model.float().eval().to(self._device)

    def embed(self, texts: Iterable[str]) -> dict[str, Embedding]:
        """Return the embedding of each distinct text, computed in batches of texts of like length."""
        tokens = {text: self.tokens(text) for text in texts}
        by_length = sorted(tokens, key=lambda text: len(tokens[text]), reverse=True)
        found: dict[str, Embedding] = {}
        while by_length:
            fitting = max(1, _BATCH_TOKENS[self._device] // len(tokens[by_length[0]]))
            batch, by_length = by_length[:fitting], by_length[fitting:]
            found.update(zip(batch, self._embed([tokens[text] for text in batch]), strict=True))
        return found

    def tokens(self, text: str) -> list[int]:
        """Return the tokens of a text with its separators, cut to what the encoder takes."""
        # Halves of surrogate pairs are no characters, and some tokenizers fail on them.
        text = text.encode("utf-8", "ignore").decode("utf-8").strip()
        if not text:
            return list(self._tokenizer.build_inputs_with_special_tokens([]))
        size = _CHARACTERS_A_TOKEN * self.max_tokens
        # A tokenizer may need a time that grows with the square of the length, and all beyond the maximum is cut.
        while size < len(text) and len(self._encode(text[:size])) < self.max_tokens + _CHARACTERS_A_TOKEN:
            size *= 2
        return self._encode(text[:size], max_length=self.max_tokens, truncation=True)

    def _encode(self, text: str, **cut: Any) -> list[int]:
        from transformers import GPT2Tokenizer, RobertaTokenizer

        if isinstance(self._tokenizer, (GPT2Tokenizer, RobertaTokenizer)):
            cut["add_prefix_space"] = True
        return list(self._tokenizer.encode(text, add_special_tokens=True, verbose=False, **cut))

    def _embed(self, batch: Sequence[list[int]]) -> list[Embedding]:
        torch = self._torch
        width = max(map(len, batch))
        padding = self._tokenizer.pad_token_id or 0
        ids = torch.tensor([tokens + [padding] * (width - len(tokens)) for tokens in batch], device=self._device)
        mask = torch.tensor([[1] * len(tokens) + [0] * (width - len(tokens)) for tokens in batch], device=self._device)
        with torch.inference_mode():
            hidden = self._model(ids, attention_mask=mask)[0]
            vectors = hidden / hidden.norm(dim=-1, keepdim=True)
        separators = [
            token for token in (self._tokenizer.cls_token_id, self._tokenizer.sep_token_id) if token is not None
        ]
        counted = torch.isin(ids, torch.tensor(separators, device=self._device), invert=True)
        # Clones: a slice would keep the whole padded batch alive in the cache.
        return [
            Embedding(vectors[row, : len(tokens)].clone(), counted[row, : len(tokens)].clone())
            for row, tokens in enumerate(batch)
        ]


def find_weights(context: Context, model: str) -> Weights:
    """Return the encoder that the option `bertscore_model` names: the asset, a folder, or a hub id.

    Raises:
        AssetError: It cannot be had here.
    """
    if model == MINILM:
        folder, name = context.asset(MINILM), MINILM_HUB_ID
    elif Path(model).expanduser().is_dir():
        folder = Path(model).expanduser().resolve()
        name = str(folder)
    else:
        folder = _from_hub(model, offline=context.offline)
        name = f"{model}@{folder.name}"
    _weight_files(folder)
    return Weights(name, folder)


def _from_hub(model: str, *, offline: bool) -> Path:
    try:
        return snapshot(model, offline=offline)
    except AssetError as exc:
        message = f"the BERTScore encoder {model!r} cannot be had: {exc}; give bertscore_model a folder, or {MINILM!r}"
        raise AssetError(message) from exc


def _weight_files(folder: Path) -> list[Path]:
    """Return the files transformers would read: safetensors where there are some."""
    files = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
    if not files or not (folder / "config.json").is_file():
        message = f"{str(folder)!r} holds no encoder in Hugging Face's form: config.json and *.safetensors are needed"
        raise AssetError(message)
    return files


def _max_tokens(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> int:
    """Return how many tokens the encoder takes. Tokenizers that do not know say a number beyond all bounds."""
    config = model.config
    positions = int(getattr(config, "max_position_embeddings", 512))
    if config.model_type in {"roberta", "xlm-roberta", "camembert"}:  # their positions begin after the padding's
        positions -= config.pad_token_id + 1
    return min(int(tokenizer.model_max_length), positions)


def _keep_layers(model: PreTrainedModel, layers: int) -> None:
    """Drop the layers after the wanted one, so that the encoder's last output is that layer's."""
    stack: Any = getattr(model, "encoder", None) or getattr(model, "transformer", None)
    if not hasattr(stack, "layer"):
        message = (
            f"BERTScore cannot take a layer of the architecture {model.config.model_type!r}: name a BERT-like encoder"
        )
        raise SpecError(message)
    if not 1 <= layers <= len(stack.layer):
        message = f"bertscore_layers={layers} is not a layer of this encoder; it has 1 to {len(stack.layer)}"
        raise SpecError(message)
    stack.layer = stack.layer[:layers]


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
