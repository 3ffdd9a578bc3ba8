"""Causal attention within each of the rows that are packed one after the other, with its gradient.

Queries are taken some at a time, so that what they score stays in a CPU's cache, and keys that none of them may attend to are
left out. On a CPU this is faster than torch's own attention, which takes one head at a time.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import attrs
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from llmops_plugins.local.lora.packing import Packing

_QUERIES = 128
# Probabilities over at most this many keys are kept for the gradient; those over more are computed again.
_MOST_KEPT_KEYS = 256


@attrs.frozen
class _Block:
    """Successive queries of one row, and the keys that they may attend to.

    Attributes:
        queries: Their places in the sequence.
        keys: Places in the row.
        mask: What is added to the scores of the last keys, `queries x last keys`.
    """

    queries: slice
    keys: slice
    mask: Tensor

    def hide(self, scores: Tensor) -> None:
        """Add the mask to `key heads x (heads that share one x queries) x keys`."""
        count, masked = self.mask.shape
        scores.view(-1, count, scores.shape[2])[:, :, -masked:].add_(self.mask)


@attrs.frozen
class _Row:
    """A row: its own places in the sequence, without the common prefix in all but the first one, and its blocks."""

    own: slice
    blocks: list[_Block]


@attrs.frozen
class PackedAttention:
    """Attention of packed rows; see `RowAttention`.

    Attributes:
        packing: The rows.
        windows: Receives the window that each layer asked for.
    """

    packing: Packing
    windows: dict[int, int | None]
    _rows: dict[int | None, list[_Row]] = attrs.field(factory=dict, init=False, repr=False)

    def attend(
        self, layer: int, query: Tensor, keys: Tensor, values: Tensor, scale: float | None, window: int | None
    ) -> Tensor:
        """See `RowAttention.attend`."""
        self.windows[layer] = window
        if window not in self._rows:
            self._rows[window] = _rows(self.packing, window)
        q, k, v = (part[0].to(values.dtype) for part in (query, keys, values))
        scale = q.shape[-1] ** -0.5 if scale is None else scale
        attended: Tensor = _AttentionFunction.apply(q, k, v, self._rows[window], self.packing.shared, scale)  # type: ignore[no-untyped-call]
        return attended[None]


def _rows(packing: Packing, window: int | None) -> list[_Row]:
    rows, place = [], 0
    for number, length in enumerate(packing.lengths):
        past = packing.shared if number else 0
        blocks = []
        for start in range(past, length, _QUERIES):
            end = min(start + _QUERIES, length)
            first = 0 if window is None else max(0, start - window + 1)
            mask = (
                _mask(0, end - start, None)
                if window is None or end <= window
                else _mask(start - first, end - start, window)
            )
            blocks.append(_Block(slice(place + start - past, place + end - past), slice(first, end), mask))
        rows.append(_Row(slice(place, place + length - past), blocks))
        place += length - past
    return rows


@lru_cache(maxsize=32)
def _mask(before: int, queries: int, window: int | None) -> Tensor:
    """Return 0 where a query may attend and -inf where not, `queries x (before + queries)`.

    Args:
        before: Number of keys before that of the first query.
        queries: Number of queries.
        window: As in `RowAttention.attend`.
    """
    own = torch.arange(before, before + queries)[:, None]
    keys = torch.arange(before + queries)
    hidden = keys > own
    if window is not None:
        hidden |= keys <= own - window
    return torch.zeros(hidden.shape).masked_fill_(hidden, -torch.inf)


class _AttentionFunction(torch.autograd.Function):
    """softmax(scale * q k' + mask) v of each row; heads of queries share those of keys.

    q: heads x tokens x width, k: key heads x tokens x width, v: key heads x tokens x width of values;
    y: tokens x heads x width of values.
    """

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, rows: list[_Row], shared: int, scale: float) -> Tensor:
        heads, kept = len(q), []
        q = q * scale
        y = q.new_empty(q.shape[1], heads, v.shape[2])
        with torch.autocast("cpu", enabled=False):
            for row in rows:
                keys, values = _with_prefix(k, row, shared), _with_prefix(v, row, shared)
                for block in row.blocks:
                    p = _probabilities(_grouped(q[:, block.queries], len(k)), keys[:, block.keys], block)
                    attended = torch.bmm(p, values[:, block.keys])
                    y[block.queries] = attended.view(heads, -1, v.shape[2]).transpose(0, 1)
                    if p.shape[2] <= _MOST_KEPT_KEYS:
                        kept.append(p)
        ctx.save_for_backward(q, k, v, *kept)
        ctx.rows, ctx.shared, ctx.scale = rows, shared, scale
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        q, k, v, *rest = ctx.saved_tensors
        kept, heads = iter(rest), len(q)
        dq, dk, dv = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for row in ctx.rows:
            keys, values = _with_prefix(k, row, ctx.shared), _with_prefix(v, row, ctx.shared)
            d_keys, d_values = torch.zeros_like(keys), torch.zeros_like(values)
            for block in row.blocks:
                queries, seen = _grouped(q[:, block.queries], len(k)), keys[:, block.keys]
                p = next(kept) if seen.shape[1] <= _MOST_KEPT_KEYS else _probabilities(queries, seen, block)
                dy = _grouped(grad[block.queries].transpose(0, 1), len(k))
                d_values[:, block.keys].baddbmm_(p.transpose(1, 2), dy)
                dp = torch.bmm(dy, values[:, block.keys].transpose(1, 2))
                ds = dp.sub_(torch.linalg.vecdot(dp, p)[:, :, None]).mul_(p)
                dq[:, block.queries] = torch.bmm(ds, seen).view(heads, -1, q.shape[2])
                d_keys[:, block.keys].baddbmm_(ds.transpose(1, 2), queries)
            for total, part in ((dk, d_keys), (dv, d_values)):
                past = part.shape[1] - (row.own.stop - row.own.start)
                total[:, :past] += part[:, :past]
                total[:, row.own] += part[:, past:]
        return dq.mul_(ctx.scale), dk, dv, None, None, None


def _with_prefix(x: Tensor, row: _Row, shared: int) -> Tensor:
    """Return what a complete row has of keys or values."""
    return torch.cat([x[:, :shared], x[:, row.own]], dim=1) if shared and row.own.start else x[:, row.own]


def _grouped(x: Tensor, groups: int) -> Tensor:
    """Return `heads x queries x width` with the heads that share a key head one after the other."""
    return x.reshape(groups, -1, x.shape[2])


def _probabilities(queries: Tensor, keys: Tensor, block: _Block) -> Tensor:
    """Return `key heads x (heads that share one x queries) x keys`."""
    scores = torch.bmm(queries, keys.transpose(1, 2))
    block.hide(scores)
    return torch.softmax(scores, dim=-1, dtype=torch.float32).to(queries.dtype)
