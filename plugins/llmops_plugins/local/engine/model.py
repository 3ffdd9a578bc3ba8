"""A model that several requests share: prompts first (prefill), then one token of each request per step."""

from __future__ import annotations

import inspect
import logging
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from llmops_plugins.local.device import Device
from llmops_plugins.local.engine.attention import (
    DecodeAttention,
    PrefillAttention,
    RowAttention,
    Segment,
    install,
    using,
)
from llmops_plugins.local.engine.cache import KeyValueCache, common_prefix
from llmops_plugins.local.engine.memory import free_memory
from llmops_plugins.local.engine.scoring import (
    PrefillResult,
    PromptSlice,
    RowPrompt,
    join_slices,
    max_scored_tokens,
    split_prompt,
)

_log = logging.getLogger(__name__)

# Tokens in one pass over prompts: enough to keep the matrix products large, and few enough to keep activations small.
_PASS_TOKENS = 512

# Shorter common prefixes are computed again.
_SHORTEST_PREFIX = 16

_MEMORY_SHARE = 0.3

# Largest difference of logits between batched and plain computation, as a fraction of the largest logit.
_TOLERANCE = {"float32": 1e-3, "bfloat16": 5e-2}


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
    """Return a batched model if it computes what the plain model does, else a sequential one."""
    ids = [token % model.config.get_text_config().vocab_size for token in (5, 17, 3, 29, 11, 7, 23, 2, 13)]
    plain = SequentialModel(model, device)
    prompts = (RowPrompt(0, ids[:5]), RowPrompt(1, ids))
    expected = torch.cat([plain.prefill(prompts, 2, 16).logits, plain.step(ids[:2])])
    original = model.config._attn_implementation  # noqa: SLF001 - there is no public getter
    plain.clear()
    try:
        _require_plain_positions(model.config.get_text_config())
        install(model)
        batched = BatchedModel(model, device)
        actual = torch.cat([batched.prefill(prompts, 2, 16).logits, batched.step(ids[:2])])
        _require_equal(actual, expected, device)
        _require_known_windows(model.config.get_text_config(), batched.windows)
    except Exception as exc:  # noqa: BLE001 - whatever fails in the model's own code
        plain.batching = f"none: {type(model).__name__} has {' '.join(str(exc).split())}"
        _log.warning("requests are completed one by one, batching %s", plain.batching)
        model.config._attn_implementation = original  # noqa: SLF001
        return plain
    batched.set_memory_limit()
    return batched


def _require_equal(actual: Tensor, expected: Tensor, device: Device) -> None:
    difference = ((actual - expected).abs().max() / expected.abs().max()).item()
    if not difference < _TOLERANCE[device.dtype]:
        message = f"logits that differ by {difference:.1g}"
        raise NotImplementedError(message)


def _require_plain_positions(config: Any) -> None:
    """Check that a token's position alone decides its rotation, not the length of the longest row."""
    # transformers 5 names them `rope_parameters`; some models have one set for each kind of layer.
    rotation = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    for part in (rotation, *rotation.values()):
        if isinstance(part, Mapping) and part.get("rope_type", part.get("type")) in ("dynamic", "longrope"):
            message = "positions that depend on a sequence's length"
            raise NotImplementedError(message)


def _require_known_windows(config: Any, windows: Mapping[int, int | None]) -> None:
    """Check that a layer's window is the one of the configuration: the compared texts are shorter than most windows."""
    window = getattr(config, "sliding_window", None)
    kinds = {"full_attention": None, "sliding_attention": window}
    layers = getattr(config, "layer_types", None)
    for layer, actual in windows.items():
        kind = layers[layer] if layers else "sliding_attention"
        if kind not in kinds or kinds[kind] != actual:
            message = f"attention of the kind {kind} with the window {actual}"
            raise NotImplementedError(message)


class BatchedModel:
    """Rows that go through the model together, as one sequence without padding.

    A prompt that shares a prefix with the content of any row, finished ones included, copies that prefix instead of
    computing it. A prompt that is scored does not: the logits of all its tokens are needed.
    """

    batching = "continuous"

    def __init__(self, model: Any, device: Device) -> None:
        self._model = model
        self._device = device.torch_device
        self._cache = KeyValueCache()
        # The tokens in each of the cache's rows, needed or not.
        self._held: list[list[int]] = []
        self._memory_limit = float("inf")
        self._bytes_per_position = 0
        self.windows: dict[int, int | None] = {}
        self._max_scored = max_scored_tokens(model.config.get_text_config().vocab_size)

    def set_memory_limit(self) -> None:
        """Set the limit by the size of a token in the current rows and the free memory, and discard the rows."""
        self._bytes_per_position = self._cache.bytes_per_position
        self._memory_limit = _MEMORY_SHARE * free_memory(self._device)
        self.clear()

    def fits(self, rows: int, positions: int) -> bool:
        """See `RowModel.fits`."""
        return rows * positions * self._bytes_per_position <= self._memory_limit

    def prefill(self, prompts: Sequence[RowPrompt], rows: int, positions: int) -> PrefillResult:
        """See `RowModel.prefill`."""
        self._reserve(rows, positions)
        return join_slices(prompts, self._compute(prompts))

    def _compute(self, prompts: Sequence[RowPrompt]) -> Iterator[tuple[PromptSlice, Tensor]]:
        """Put as many slices into each pass as fit, and yield each slice with its logits."""
        waiting = deque(piece for prompt in prompts for piece in split_prompt(prompt, self._max_scored))
        while waiting:
            slices: list[PromptSlice] = []
            segments: list[Segment] = []
            count = scored = 0
            while waiting and (not slices or self._has_room(count, scored, waiting[0])):
                piece = waiting.popleft()
                past = self._copy_prefix(piece) if piece.start is None else piece.start
                self._held[piece.row] = piece.tokens[:past]
                slices.append(piece)
                segments.append(Segment(piece.row, count, len(piece.tokens) - past, past))
                count += segments[-1].count
                scored += piece.scored
            yield from zip(slices, self._pass(slices, tuple(segments)), strict=True)

    def _has_room(self, count: int, scored: int, piece: PromptSlice) -> bool:
        more = len(piece.tokens) - (piece.start or 0)
        return count + more <= _PASS_TOKENS and scored + piece.scored <= self._max_scored

    def _reserve(self, rows: int, positions: int) -> None:
        larger = max(rows, self._cache.rows), max(positions, self._cache.positions)
        self._cache.reserve(rows, positions, tight=not self.fits(*larger))
        held = [tokens[: self._cache.positions] for tokens in self._held[: self._cache.rows]]
        self._held = held + [[] for _ in range(self._cache.rows - len(held))]

    def _pass(self, slices: Sequence[PromptSlice], segments: tuple[Segment, ...]) -> Sequence[Tensor]:
        """Compute slices of different prompts; return the logits of each: of all its scored tokens, or of its last."""
        tokens: list[int] = []
        positions: list[int] = []
        keep: list[range] = []
        for piece, segment in zip(slices, segments, strict=True):
            tokens += piece.tokens[segment.past :]
            positions += range(segment.past, len(piece.tokens))
            keep.append(range(len(tokens) - max(1, piece.scored), len(tokens)))
        kept = [index for indices in keep for index in indices]
        logits = self._forward(tokens, positions, kept, PrefillAttention(self._cache, segments, self.windows))
        for piece in slices:
            self._held[piece.row] = list(piece.tokens)
        return torch.split(logits, [len(indices) for indices in keep])

    def _copy_prefix(self, piece: PromptSlice) -> int:
        """Copy the longest prefix that any row holds, and return its length; at least one token is left to compute."""
        most = len(piece.tokens) - 1
        shared = [min(most, common_prefix(held, piece.tokens)) for held in self._held]
        source = max(range(len(shared)), key=lambda row: (shared[row], row == piece.row))
        past = shared[source] if shared[source] >= _SHORTEST_PREFIX else 0
        self._cache.copy(source, piece.row, past)
        return past

    def step(self, tokens: Sequence[int]) -> Tensor:
        """See `RowModel.step`."""
        lengths = [len(held) + 1 for held in self._held[: len(tokens)]]
        positions = [length - 1 for length in lengths]
        every = list(range(len(tokens)))
        logits = self._forward(list(tokens), positions, every, DecodeAttention(self._cache, lengths, self._device))
        for held, token in zip(self._held, tokens):  # noqa: B905 - a step covers the first rows only
            held.append(token)
        return logits

    def _forward(self, tokens: list[int], positions: list[int], keep: list[int], attention: RowAttention) -> Tensor:
        with using(attention):
            logits: Tensor = self._model(
                input_ids=torch.tensor([tokens], device=self._device),
                position_ids=torch.tensor([positions], device=self._device),
                logits_to_keep=torch.tensor(keep, device=self._device),
                use_cache=False,
            ).logits
        return logits[0].float()

    def move(self, source: int, target: int) -> None:
        """See `RowModel.move`."""
        self._cache.copy(source, target, len(self._held[source]))
        self._held[target] = list(self._held[source])

    def clear(self) -> None:
        """See `RowModel.clear`."""
        self._cache.clear()
        self._held = []


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
        self._max_scored = max_scored_tokens(model.config.get_text_config().vocab_size)

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
            yield piece, self._forward(piece.row, piece.tokens, max(1, piece.scored))

    def step(self, tokens: Sequence[int]) -> Tensor:
        """See `RowModel.step`."""
        return torch.cat([self._forward(row, [token], 1) for row, token in enumerate(tokens)])

    def _forward(self, row: int, tokens: list[int], kept: int) -> Tensor:
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
