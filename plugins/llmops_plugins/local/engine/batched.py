"""Rows that go through a model together, as one sequence without padding, whatever computes it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor

from llmops_plugins.local.engine.attention import DecodeAttention, PrefillAttention, RowAttention, Segment, using
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

# Tokens in one pass over prompts: enough to keep the matrix products large, and few enough to keep activations small.
_PASS_TOKENS = 512

# Shorter common prefixes are computed again.
_SHORTEST_PREFIX = 16

_MEMORY_SHARE = 0.3


class Passes(Protocol):
    """Computes passes over the tokens of several rows, and holds the rows' keys and values.

    Attributes:
        windows: The window that each layer asked for.
    """

    windows: dict[int, int | None]

    @property
    def bytes_per_position(self) -> int:
        """Bytes that one token takes in all layers; 0 before the first pass, if that shows it."""

    def reserve(self, rows: int, positions: int) -> tuple[int, int]:
        """Make room for rows with this number of tokens; return how many rows and tokens of each are held from before.

        Args:
            rows: Number of rows in use.
            positions: The most tokens that the longest of them may have to hold.
        """

    def share(self, source: int, target: int, positions: int) -> int:
        """Start a row with the first positions of a row, which may be the same; return how many it has then."""

    def move(self, source: int, target: int, positions: int) -> None:
        """Move a row's content to another row."""

    def compute(
        self, tokens: Sequence[int], positions: Sequence[int], kept: Sequence[int], segments: Sequence[Segment]
    ) -> Tensor:
        """Return the logits after the tokens whose indices are kept, in float32.

        Args:
            tokens: Of all rows, one after the other.
            positions: Of each token in its row.
            kept: Indices of tokens.
            segments: The rows.
        """

    def clear(self) -> None:
        """Release all memory."""


class TorchPasses:
    """Passes through a model of transformers whose attention is replaced (see `attention.install`)."""

    def __init__(self, model: object, device: torch.device) -> None:
        self._model = model
        self._device = device
        self._cache = KeyValueCache()
        self.windows: dict[int, int | None] = {}

    @property
    def bytes_per_position(self) -> int:
        """See `Passes.bytes_per_position`."""
        return self._cache.bytes_per_position

    def reserve(self, rows: int, positions: int) -> tuple[int, int]:
        """See `Passes.reserve`."""
        self._cache.reserve(rows, positions)
        return self._cache.rows, self._cache.positions

    def share(self, source: int, target: int, positions: int) -> int:
        """See `Passes.share`."""
        self._cache.copy(source, target, positions)
        return positions

    def move(self, source: int, target: int, positions: int) -> None:
        """See `Passes.move`."""
        self._cache.copy(source, target, positions)

    def compute(
        self, tokens: Sequence[int], positions: Sequence[int], kept: Sequence[int], segments: Sequence[Segment]
    ) -> Tensor:
        """See `Passes.compute`."""
        attention: RowAttention
        if all(segment.count == 1 and segment.row == segment.start for segment in segments):
            attention = DecodeAttention(self._cache, [segment.past + 1 for segment in segments], self._device)
        else:
            attention = PrefillAttention(self._cache, tuple(segments), self.windows)
        with using(attention):
            logits: Tensor = self._model(  # type: ignore[operator] # a model of transformers, which is untyped
                input_ids=torch.tensor([tokens], device=self._device),
                position_ids=torch.tensor([positions], device=self._device),
                logits_to_keep=torch.tensor(kept, device=self._device),
                use_cache=False,
            ).logits
        return logits[0].float()

    def clear(self) -> None:
        """See `Passes.clear`."""
        self._cache.clear()


class BatchedModel:
    """Rows that go through the model together.

    A prompt that shares a prefix with the content of any row, finished ones included, takes that prefix from it instead
    of computing it. A prompt that is scored does not: the logits of all its tokens are needed.

    Args:
        passes: Computes the tokens.
        vocabulary: Number of logits of a token.
    """

    batching = "continuous"

    def __init__(self, passes: Passes, vocabulary: int) -> None:
        self._passes = passes
        # The tokens in each row, needed or not.
        self._held: list[list[int]] = []
        self._memory_limit = float("inf")
        self._bytes_per_position = 0
        self._max_scored = max_scored_tokens(vocabulary)

    @property
    def windows(self) -> dict[int, int | None]:
        """The window that each layer asked for."""
        return self._passes.windows

    def set_memory_limit(self, device: torch.device) -> None:
        """Set the limit by the size of a token in the current rows and the free memory, and discard the rows."""
        self._bytes_per_position = self._passes.bytes_per_position
        self._memory_limit = _MEMORY_SHARE * free_memory(device)
        self.clear()

    def fits(self, rows: int, positions: int) -> bool:
        """See `RowModel.fits`."""
        return rows * positions * self._bytes_per_position <= self._memory_limit

    def prefill(self, prompts: Sequence[RowPrompt], rows: int, positions: int) -> PrefillResult:
        """See `RowModel.prefill`."""
        held_rows, held_positions = self._passes.reserve(rows, positions)
        held = [tokens[:held_positions] for tokens in self._held[:held_rows]]
        self._held = held + [[] for _ in range(held_rows - len(held))]
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
                past = self._take_prefix(piece) if not piece.start else piece.start
                self._held[piece.row] = piece.tokens[:past]
                slices.append(piece)
                segments.append(Segment(piece.row, count, len(piece.tokens) - past, past))
                count += segments[-1].count
                scored += piece.scored
            yield from zip(slices, self._pass(slices, segments), strict=True)

    def _has_room(self, count: int, scored: int, piece: PromptSlice) -> bool:
        more = len(piece.tokens) - (piece.start or 0)
        return count + more <= _PASS_TOKENS and scored + piece.scored <= self._max_scored

    def _pass(self, slices: Sequence[PromptSlice], segments: Sequence[Segment]) -> Sequence[Tensor]:
        """Compute slices of different prompts; return the logits of each: of all its scored tokens, or of its last."""
        tokens: list[int] = []
        positions: list[int] = []
        keep: list[range] = []
        for piece, segment in zip(slices, segments, strict=True):
            tokens += piece.tokens[segment.past :]
            positions += range(segment.past, len(piece.tokens))
            keep.append(range(len(tokens) - max(1, piece.scored), len(tokens)))
        kept = [index for indices in keep for index in indices]
        logits = self._passes.compute(tokens, positions, kept, segments)
        for piece in slices:
            self._held[piece.row] = list(piece.tokens)
        return torch.split(logits, [len(indices) for indices in keep])

    def _take_prefix(self, piece: PromptSlice) -> int:
        """Start a row with the longest prefix that any row holds; return its length.

        At least one token is left to compute, and all of a prompt that is scored.
        """
        most = len(piece.tokens) - 1 if piece.start is None else 0
        shared = [min(most, common_prefix(held, piece.tokens)) for held in self._held]
        source = max(range(len(shared)), key=lambda row: (shared[row], row == piece.row))
        past = shared[source] if shared[source] >= _SHORTEST_PREFIX else 0
        return self._passes.share(source, piece.row, past)

    def step(self, tokens: Sequence[int]) -> Tensor:
        """See `RowModel.step`."""
        segments = [Segment(row, row, 1, len(self._held[row])) for row in range(len(tokens))]
        logits = self._passes.compute(tokens, [one.past for one in segments], range(len(tokens)), segments)
        for held, token in zip(self._held, tokens):  # noqa: B905 - a step covers the first rows only
            held.append(token)
        return logits

    def move(self, source: int, target: int) -> None:
        """See `RowModel.move`."""
        self._passes.move(source, target, len(self._held[source]))
        self._held[target], self._held[source] = self._held[source], []

    def clear(self) -> None:
        """See `RowModel.clear`."""
        self._passes.clear()
        self._held = []
