"""A model that several requests share: prompts first (prefill), then one token of each request per step."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from llmops_plugins.local.device import Device
from llmops_plugins.local.engine.attention import UnsupportedModelError, install
from llmops_plugins.local.engine.batched import BatchedModel, TorchPasses
from llmops_plugins.local.engine.scoring import (
    PrefillResult,
    PromptSlice,
    RowPrompt,
    join_slices,
    max_scored_tokens,
    split_prompt,
)

_log = logging.getLogger(__name__)

# More tokens than a block of the cache has.
_LONG = 48

# Largest difference of logits between batched and plain computation, as a fraction of the largest logit.
_TOLERANCE = {"float32": 1e-3, "bfloat16": 5e-2}

# Where in its source OpenVINO raised an exception.
_PLACE = re.compile(r"Exception from \S+:\d+: | at \S+:\d+")


class RowModel(Protocol):
    """What the engine needs of a model, in inference mode. Rows are numbered from 0; a step covers the first ones.

    Attributes:
        batching: `continuous`, or `none` with the reason.
    """

    batching: str

    def fits(self, rows: int, positions: int) -> bool:
        """Return whether the memory allows this number of rows with this number of tokens in the longest."""

    def prefill(self, prompts: Sequence[RowPrompt], rows: int, positions: int) -> PrefillResult:
        """Put prompts into rows; return the logits after each, and the log-probabilities of those that are scored.

        Args:
            prompts: For rows whose content is no longer needed.
            rows: Number of rows in use, including these.
            positions: The most tokens that the longest of them may have to hold.
        """

    def step(self, tokens: Sequence[int]) -> Tensor:
        """Add a token to each of the first rows, and return the logits after each."""

    def move(self, source: int, target: int) -> None:
        """Move a row's content to another row."""

    def clear(self) -> None:
        """Discard the content of all rows."""


@torch.inference_mode()
def make_row_model(model: Any, device: Device) -> RowModel:
    """Return a model that torch computes: batched if that gives what the plain model does, else sequential."""
    plain = SequentialModel(model, device)
    original = model.config._attn_implementation  # noqa: SLF001 - there is no public getter
    try:
        install(model)
        batched = BatchedModel(TorchPasses(model, device.torch_device), vocabulary_size(model))
        return _checked(batched, plain, model, device, original)
    except Exception as exc:  # noqa: BLE001 - whatever fails in the model's own code
        plain.batching = f"none: {refusal(model, exc)}"
        _log.warning("requests are completed one by one, batching %s", plain.batching)
        model.config._attn_implementation = original  # noqa: SLF001
        return plain


@torch.inference_mode()
def make_openvino_model(model: Any, device: Device) -> RowModel:
    """Return a model that OpenVINO computes. It needs the given one, in float32, no longer.

    Raises:
        UnsupportedModelError: OpenVINO does not take the model; the message has the reason.
    """
    from llmops_plugins.local.engine.openvino.graph import compile_model
    from llmops_plugins.local.engine.openvino.passes import OpenVinoPasses

    original = model.config._attn_implementation  # noqa: SLF001
    try:
        batched = BatchedModel(OpenVinoPasses(*compile_model(model)), vocabulary_size(model))
        return _checked(batched, SequentialModel(model, device), model, device, original)
    except Exception as exc:
        model.config._attn_implementation = original  # noqa: SLF001
        raise UnsupportedModelError(refusal(model, exc)) from exc


def vocabulary_size(model: Any) -> int:
    """Return the number of logits of a token."""
    size: int = model.config.get_text_config().vocab_size
    return size


def refusal(model: Any, problem: BaseException) -> str:
    """Return in one line why a model is not batched, or not computed by OpenVINO."""
    while problem.__cause__ is not None:
        problem = problem.__cause__
    reason = _PLACE.sub("", " ".join(str(problem).split())) or f"a {type(problem).__name__}"
    _, unknown, operations = reason.partition("No conversion rule found for operations: ")
    if unknown:
        reason = f"operations that OpenVINO does not know: {operations.strip()}"
    return f"{type(model).__name__} has {reason[:300]}"


def _checked(batched: BatchedModel, plain: SequentialModel, model: Any, device: Device, original: str) -> BatchedModel:
    """Return a batched model that computes what the plain one does, of texts shorter and longer than a block of the cache.

    Raises:
        UnsupportedModelError: It does not, or it would not of other texts.
    """
    config = model.config.get_text_config()
    require_plain_positions(config)
    numbers = [5, 17, 3, 29, 11, 7, 23, 2, 13, *(number * number for number in range(_LONG))]
    ids = [number % config.vocab_size for number in numbers]
    prompts = tuple(RowPrompt(row, ids[:length]) for row, length in enumerate((5, len(ids))))
    prefilled = batched.prefill(prompts, len(prompts), len(ids) + 1).logits
    actual = torch.stack([prefilled, batched.step([prompt.tokens[1] for prompt in prompts])], dim=1)
    require_known_windows(config, batched.windows)
    installed, model.config._attn_implementation = model.config._attn_implementation, original  # noqa: SLF001
    expected = torch.stack([plain.logits(prompt.row, [*prompt.tokens, prompt.tokens[1]], 2) for prompt in prompts])
    model.config._attn_implementation = installed  # noqa: SLF001
    plain.clear()
    difference = ((actual - expected).abs().max() / expected.abs().max()).item()
    if not difference < _TOLERANCE[device.dtype]:
        message = f"logits that differ by {difference:.1g}"
        raise UnsupportedModelError(message)
    batched.set_memory_limit(device.torch_device)
    return batched


def require_plain_positions(config: Any) -> None:
    """Check that a token's position alone decides its rotation, not the length of the longest row."""
    # transformers 5 names them `rope_parameters`; some models have one set for each kind of layer.
    rotation = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    for part in (rotation, *rotation.values()):
        if isinstance(part, Mapping) and part.get("rope_type", part.get("type")) in ("dynamic", "longrope"):
            message = "positions that depend on a sequence's length"
            raise UnsupportedModelError(message)


def require_known_windows(config: Any, windows: Mapping[int, int | None]) -> None:
    """Check that a layer's window is the one of the configuration: the compared texts are shorter than most windows."""
    window = getattr(config, "sliding_window", None)
    kinds = {"full_attention": None, "sliding_attention": window}
    layers = getattr(config, "layer_types", None)
    for layer, actual in windows.items():
        kind = layers[layer] if layers else "sliding_attention"
        if kind not in kinds or kinds[kind] != actual:
            message = f"attention of the kind {kind} with the window {actual}"
            raise UnsupportedModelError(message)


class SequentialModel:
    """Rows that go through the model one after the other, each with its own cache: slow, but right for every model."""

    batching = "none"

    def __init__(self, model: Any, device: Device) -> None:
        self._model = model
        self._device = device.torch_device
        self._caches: dict[int, Any] = {}
        parameters = inspect.signature(model.forward).parameters
        self._can_keep = "logits_to_keep" in parameters
        # transformers 5 renamed it
        self._cache_name = "cache" if "cache" in parameters else "past_key_values"
        self._max_scored = max_scored_tokens(vocabulary_size(model))

    def fits(self, rows: int, positions: int) -> bool:
        """See `RowModel.fits`."""
        return True

    def prefill(self, prompts: Sequence[RowPrompt], rows: int, positions: int) -> PrefillResult:
        """See `RowModel.prefill`."""
        return join_slices(prompts, self._compute(prompts))

    def _compute(self, prompts: Sequence[RowPrompt]) -> Iterator[tuple[PromptSlice, Tensor]]:
        """Compute every slice from the prompt's start: not every architecture can continue with several tokens."""
        for piece in (piece for prompt in prompts for piece in split_prompt(prompt, self._max_scored)):
            self._caches.pop(piece.row, None)
            yield piece, self.logits(piece.row, piece.tokens, max(1, piece.scored))

    def step(self, tokens: Sequence[int]) -> Tensor:
        """See `RowModel.step`."""
        return torch.cat([self.logits(row, [token], 1) for row, token in enumerate(tokens)])

    def logits(self, row: int, tokens: list[int], kept: int) -> Tensor:
        """Add tokens to a row, and return the logits after the last ones."""
        ids = torch.tensor([tokens], device=self._device)
        keep = {"logits_to_keep": kept} if self._can_keep else {}
        cache = {self._cache_name: self._caches.get(row)}
        out = self._model(input_ids=ids, use_cache=True, **cache, **keep)
        self._caches[row] = out[self._cache_name]
        logits: Tensor = out.logits[0, -kept:]
        return logits.float()

    def move(self, source: int, target: int) -> None:
        """See `RowModel.move`."""
        self._caches[target] = self._caches.pop(source)

    def clear(self) -> None:
        """See `RowModel.clear`."""
        self._caches.clear()
