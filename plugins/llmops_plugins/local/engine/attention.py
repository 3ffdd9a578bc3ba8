"""Attention for rows of different lengths that go through the model as one sequence, without padding.

transformers lets a model's attention be replaced by name; everything else in a layer works token by token, whichever
request a token belongs to. Inside `using(attention)`, the attention of the model reads and writes the cache's rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

import attrs
import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from llmops_plugins.local.engine.cache import KeyValueCache

NAME = "llmops_rows"

# Arguments that models pass to their attention and that have no effect here.
_IGNORED_ARGUMENTS = frozenset({
    "cache_position", "is_causal", "logits_to_keep", "output_attentions", "output_hidden_states",
    "output_router_logits", "position_ids", "return_dict", "use_cache",
})  # fmt: skip


class UnsupportedModelError(Exception):
    """A model cannot be computed in one way, so another one is taken; the message has the reason."""


class RowAttention(Protocol):
    """How the tokens of one pass attend to each other and to the cache."""

    def attend(
        self, layer: int, query: Tensor, keys: Tensor, values: Tensor, scale: float | None, window: int | None
    ) -> Tensor:
        """Return the attention's output, `1 x tokens x heads x width`.

        Args:
            layer: The layer's number.
            query: `1 x heads x tokens x width`.
            keys: The same with the heads of keys, which may be fewer.
            values: Like `keys`.
            scale: Of the products; None is 1 / sqrt(width).
            window: A token attends to this many positions up to its own; None is all of them.
        """


_current: ContextVar[RowAttention] = ContextVar("attention")


@contextmanager
def using(attention: RowAttention) -> Iterator[None]:
    """Compute the attention of installed models with `attention`."""
    token = _current.set(attention)
    try:
        yield
    finally:
        _current.reset(token)


def install(model: Any) -> None:
    """Replace a model's attention by the one that `using` sets.

    Raises:
        UnsupportedModelError: The model's attention cannot be replaced.
    """
    try:
        from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
    except ImportError as exc:
        message = "this version of transformers has no replaceable attention"
        raise UnsupportedModelError(message) from exc
    ALL_ATTENTION_FUNCTIONS[NAME] = _attend
    model.config._attn_implementation = NAME  # noqa: SLF001 - the setter does more, and something else in every version


def _attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """Attend as the current `RowAttention` does; the signature is that of transformers."""
    unknown = [name for name, other in others.items() if name not in _IGNORED_ARGUMENTS and other is not None]
    unknown += ["dropout"] if dropout else []
    if unknown:
        message = f"attention with {', '.join(unknown)}"
        raise UnsupportedModelError(message)
    layer: int = module.layer_idx  # type: ignore[assignment]
    return _current.get().attend(layer, query, key, value, scaling, sliding_window), None


@attrs.frozen
class Segment:
    """Tokens of one row in a pass over several rows.

    Attributes:
        row: The cache's row.
        start: Index of the first token in the pass.
        count: Number of tokens.
        past: Number of the row's tokens that are in the cache already.
    """

    row: int
    start: int
    count: int
    past: int


@attrs.frozen
class PrefillAttention:
    """Attention in a pass over the prompts of several rows, one after the other.

    Attributes:
        cache: Receives the keys and values.
        segments: The rows, in the order of the pass.
        windows: Receives the window that each layer asked for.
    """

    cache: KeyValueCache
    segments: tuple[Segment, ...]
    windows: dict[int, int | None] = attrs.field(factory=dict)
    _masks: dict[tuple[int, int | None], Tensor] = attrs.field(factory=dict, init=False, repr=False)

    def attend(
        self, layer: int, query: Tensor, keys: Tensor, values: Tensor, scale: float | None, window: int | None
    ) -> Tensor:
        """See `RowAttention.attend`."""
        self.windows[layer] = window
        outputs = [self._attend(layer, part, query, keys, values, scale=scale, window=window) for part in self.segments]
        return torch.cat(outputs, dim=2).transpose(1, 2)

    def _attend(
        self, layer: int, part: Segment, query: Tensor, keys: Tensor, values: Tensor, *,
        scale: float | None, window: int | None,
    ) -> Tensor:  # fmt: skip
        tokens = slice(part.start, part.start + part.count)
        new = (keys[0, :, tokens].transpose(0, 1), values[0, :, tokens].transpose(0, 1))
        end = part.past + part.count
        visible = []
        for slab, added in zip(self.cache.layer(layer, *new), new, strict=True):
            slab[part.row, part.past : end] = added
            visible.append(slab[part.row : part.row + 1, :end].transpose(1, 2))
        plain = part.past == 0 and (window is None or end <= window)
        return scaled_dot_product_attention(
            query[:, :, tokens],
            visible[0],
            visible[1],
            attn_mask=None if plain else self._mask(part, window, query.device),
            is_causal=plain,
            scale=scale,
            enable_gqa=query.shape[1] != keys.shape[1],
        )

    def _mask(self, part: Segment, window: int | None, device: torch.device) -> Tensor:
        key = (part.start, window)
        if key not in self._masks:
            positions = torch.arange(part.past + part.count, device=device)
            own = positions[part.past :, None]
            mask = positions <= own
            self._masks[key] = mask if window is None else mask & (positions > own - window)
        return self._masks[key]


class DecodeAttention:
    """Attention in a pass over one new token of each of the first rows: one product, padded to the longest row.

    Args:
        cache: Holds the rows.
        lengths: Tokens of each row, including the new one.
        device: Where to compute.
    """

    def __init__(self, cache: KeyValueCache, lengths: list[int], device: torch.device) -> None:
        self._cache = cache
        self._longest = max(lengths)
        self._positions = torch.tensor([row * cache.positions + n - 1 for row, n in enumerate(lengths)], device=device)
        self._ends = torch.tensor(lengths, device=device)[:, None]
        self._masks: dict[int | None, Tensor] = {}

    def attend(
        self, layer: int, query: Tensor, keys: Tensor, values: Tensor, scale: float | None, window: int | None
    ) -> Tensor:
        """See `RowAttention.attend`.

        The heads that share a key head take the dimension of a query's tokens, so that keys need no expansion.
        """
        slabs = self._cache.write(layer, self._positions, keys[0].transpose(0, 1), values[0].transpose(0, 1))
        rows, heads, shared = len(self._ends), query.shape[1], keys.shape[1]
        grouped = query[0].reshape(shared, heads // shared, rows, -1).permute(2, 0, 1, 3)
        key, value = (slab[:rows, : self._longest].transpose(1, 2) for slab in slabs)
        output = scaled_dot_product_attention(grouped, key, value, attn_mask=self._mask(window), scale=scale)
        return output.reshape(1, rows, heads, -1)

    def _mask(self, window: int | None) -> Tensor:
        if window not in self._masks:
            positions = torch.arange(self._longest, device=self._ends.device)
            mask = positions < self._ends
            mask = mask if window is None else mask & (positions >= self._ends - window)
            self._masks[window] = mask[:, None, None]
        return self._masks[window]
