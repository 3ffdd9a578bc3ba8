"""A model that several requests go through at a time: their prompts first, then one token of each per step."""

from __future__ import annotations

import inspect
import logging
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from llmops_plugins.local.device import Device
from llmops_plugins.local.engine.attention import Plan, Prefill, Segment, Step, attending, install
from llmops_plugins.local.engine.cache import KeyValueCache, common_prefix
from llmops_plugins.local.engine.memory import free_memory
from llmops_plugins.local.engine.scoring import Piece, Prefilled, RowPrompt, collect, cut, most_scored

_log = logging.getLogger(__name__)

# Tokens in one pass over prompts: enough to keep the matrix products large, and activations small.
_PASS_TOKENS = 512

# Shorter common beginnings are computed again.
_SHORTEST_PREFIX = 16

_MEMORY_SHARE = 0.3

# Largest difference of logits between both ways, as a part of the largest logit.
_TOLERANCE = {"float32": 1e-3, "bfloat16": 5e-2}


class Rows(Protocol):
    """What the engine needs of a model, in inference mode. Rows are numbered from 0; a step goes over the first ones."""

    def fits(self, rows: int, places: int) -> bool:
        """Tell whether the memory allows so many rows with so many tokens in the longest."""

    def prefill(self, prompts: Sequence[RowPrompt], rows: int, places: int) -> Prefilled:
        """Put prompts into rows, and return the logits after each, and of those that are scored the probabilities.

        Args:
            prompts: For rows that hold nothing that is still needed.
            rows: How many rows are in use, with these.
            places: How many tokens the longest of them may come to hold.
        """

    def step(self, tokens: Sequence[int]) -> Tensor:
        """Add a token to each of the first rows, and return the logits after each."""

    def move(self, source: int, target: int) -> None:
        """Put a row's content into another row."""

    def clear(self) -> None:
        """Forget every row."""


@torch.inference_mode()
def make_rows(model: Any, device: Device) -> Rows:
    """Return a model's rows: batched where its architecture allows, as a comparison with the plain model tells."""
    ids = [token % model.config.get_text_config().vocab_size for token in (5, 17, 3, 29, 11, 7, 23, 2, 13)]
    plain = OneByOne(model, device)
    prompts = (RowPrompt(0, ids[:5]), RowPrompt(1, ids))
    expected = torch.cat([plain.prefill(prompts, 2, 16).logits, plain.step(ids[:2])])
    original = model.config._attn_implementation  # noqa: SLF001 - there is no public getter
    plain.clear()
    try:
        _require_plain_positions(model.config)
        install(model)
        batched = Batched(model, device)
        found = torch.cat([batched.prefill(prompts, 2, 16).logits, batched.step(ids[:2])])
        _compare(found, expected, device)
    except Exception as exc:  # noqa: BLE001 - all that can go wrong goes to the parent
        _log.warning("requests are answered one by one: %s has %s", type(model).__name__, exc)
        model.config._attn_implementation = original  # noqa: SLF001
        return plain
    batched.measure()
    return batched


def _compare(found: Tensor, expected: Tensor, device: Device) -> None:
    wrong = ((found - expected).abs().max() / expected.abs().max()).item()
    if not wrong < _TOLERANCE[device.dtype]:
        message = f"logits that differ by {wrong:.1g}"
        raise NotImplementedError(message)


def _require_plain_positions(config: Any) -> None:
    """Check that a token's position alone decides its rotation, not the length of the longest neighbour."""
    scaling = getattr(config.get_text_config(), "rope_scaling", None) or {}
    if scaling.get("rope_type", scaling.get("type")) in ("dynamic", "longrope"):
        message = "positions that depend on a sequence's length"
        raise NotImplementedError(message)


class Batched:
    """Rows that go through the model together, as one sequence without padding.

    A prompt that begins like the content of any row, finished ones counted, takes that part from there, but for those
    that are scored: the logits of all their tokens are needed.
    """

    def __init__(self, model: Any, device: Device) -> None:
        self._model = model
        self._device = device.torch_device
        self._cache = KeyValueCache()
        # What each of the cache's rows holds, needed or not.
        self._held: list[list[int]] = []
        self._limit = float("inf")
        self._bytes_per_place = 0
        self._most_scored = most_scored(model.config.get_text_config().vocab_size)

    def measure(self) -> None:
        """Take the size of a token from the rows, set the limit by the memory that is free, and forget the rows."""
        self._bytes_per_place = self._cache.bytes_per_place
        self._limit = _MEMORY_SHARE * free_memory(self._device)
        self.clear()

    def fits(self, rows: int, places: int) -> bool:
        """See `Rows.fits`."""
        return rows * places * self._bytes_per_place <= self._limit

    def prefill(self, prompts: Sequence[RowPrompt], rows: int, places: int) -> Prefilled:
        """See `Rows.prefill`."""
        self._reserve(rows, places)
        return collect(prompts, self._read(prompts))

    def _read(self, prompts: Sequence[RowPrompt]) -> Iterator[tuple[Piece, Tensor]]:
        """Take as many pieces into each pass as have room in it."""
        waiting = deque(piece for prompt in prompts for piece in cut(prompt, self._most_scored))
        while waiting:
            pieces: list[Piece] = []
            segments: list[Segment] = []
            count = scored = 0
            while waiting and (not pieces or self._has_room(count, scored, waiting[0])):
                piece = waiting.popleft()
                past = self._take_prefix(piece) if piece.start is None else piece.start
                self._held[piece.row] = piece.tokens[:past]
                pieces.append(piece)
                segments.append(Segment(piece.row, count, len(piece.tokens) - past, past))
                count += segments[-1].count
                scored += piece.scored
            yield from zip(pieces, self._pass(pieces, tuple(segments)), strict=True)

    def _has_room(self, count: int, scored: int, piece: Piece) -> bool:
        more = len(piece.tokens) - (piece.start or 0)
        return count + more <= _PASS_TOKENS and scored + piece.scored <= self._most_scored

    def _reserve(self, rows: int, places: int) -> None:
        larger = max(rows, self._cache.rows), max(places, self._cache.places)
        self._cache.reserve(rows, places, tight=not self.fits(*larger))
        held = [tokens[: self._cache.places] for tokens in self._held[: self._cache.rows]]
        self._held = held + [[] for _ in range(self._cache.rows - len(held))]

    def _pass(self, pieces: Sequence[Piece], segments: tuple[Segment, ...]) -> Sequence[Tensor]:
        """Compute pieces of different rows, and return the logits of each: of all its scored tokens, or of its last."""
        tokens: list[int] = []
        positions: list[int] = []
        keep: list[range] = []
        for piece, segment in zip(pieces, segments, strict=True):
            tokens += piece.tokens[segment.past :]
            positions += range(segment.past, len(piece.tokens))
            keep.append(range(len(tokens) - max(1, piece.scored), len(tokens)))
        kept = [place for places in keep for place in places]
        logits = self._forward(tokens, positions, kept, Prefill(self._cache, segments))
        for piece in pieces:
            self._held[piece.row] = list(piece.tokens)
        return torch.split(logits, [len(places) for places in keep])

    def _take_prefix(self, piece: Piece) -> int:
        """Copy the longest beginning that a row has; at least one token is left to compute."""
        most = len(piece.tokens) - 1
        shared = [min(most, common_prefix(held, piece.tokens)) for held in self._held]
        source = max(range(len(shared)), key=lambda row: (shared[row], row == piece.row))
        past = shared[source] if shared[source] >= _SHORTEST_PREFIX else 0
        self._cache.copy(source, piece.row, past)
        return past

    def step(self, tokens: Sequence[int]) -> Tensor:
        """See `Rows.step`."""
        lengths = [len(held) + 1 for held in self._held[: len(tokens)]]
        positions = [length - 1 for length in lengths]
        every = list(range(len(tokens)))
        logits = self._forward(list(tokens), positions, every, Step(self._cache, lengths, self._device))
        for held, token in zip(self._held, tokens):  # noqa: B905 - the rows beyond are not stepped
            held.append(token)
        return logits

    def _forward(self, tokens: list[int], positions: list[int], keep: list[int], plan: Plan) -> Tensor:
        with attending(plan):
            logits: Tensor = self._model(
                input_ids=torch.tensor([tokens], device=self._device),
                position_ids=torch.tensor([positions], device=self._device),
                logits_to_keep=torch.tensor(keep, device=self._device),
                use_cache=False,
            ).logits
        return logits[0].float()

    def move(self, source: int, target: int) -> None:
        """See `Rows.move`."""
        self._cache.copy(source, target, len(self._held[source]))
        self._held[target] = list(self._held[source])

    def clear(self) -> None:
        """See `Rows.clear`."""
        self._cache.clear()
        self._held = []


class OneByOne:
    """Rows that go through the model each by itself, with its own cache: slow, and right for every architecture."""

    def __init__(self, model: Any, device: Device) -> None:
        self._model = model
        self._device = device.torch_device
        self._caches: dict[int, Any] = {}
        self._keeps = "logits_to_keep" in inspect.signature(model.forward).parameters
        self._most_scored = most_scored(model.config.get_text_config().vocab_size)

    def fits(self, rows: int, places: int) -> bool:
        """See `Rows.fits`."""
        return True

    def prefill(self, prompts: Sequence[RowPrompt], rows: int, places: int) -> Prefilled:
        """See `Rows.prefill`."""
        return collect(prompts, self._read(prompts))

    def _read(self, prompts: Sequence[RowPrompt]) -> Iterator[tuple[Piece, Tensor]]:
        """Read every piece from the prompt's beginning: not every architecture goes on from several tokens."""
        for piece in (piece for prompt in prompts for piece in cut(prompt, self._most_scored)):
            self._caches.pop(piece.row, None)
            yield piece, self._forward(piece.row, piece.tokens, max(1, piece.scored))

    def step(self, tokens: Sequence[int]) -> Tensor:
        """See `Rows.step`."""
        return torch.cat([self._forward(row, [token], 1) for row, token in enumerate(tokens)])

    def _forward(self, row: int, tokens: list[int], kept: int) -> Tensor:
        ids = torch.tensor([tokens], device=self._device)
        keep = {"logits_to_keep": kept} if self._keeps else {}
        out = self._model(input_ids=ids, past_key_values=self._caches.get(row), use_cache=True, **keep)
        self._caches[row] = out.past_key_values
        logits: Tensor = out.logits[0, -kept:]
        return logits.float()

    def move(self, source: int, target: int) -> None:
        """See `Rows.move`."""
        self._caches[target] = self._caches.pop(source)

    def clear(self) -> None:
        """See `Rows.clear`."""
        self._caches.clear()
