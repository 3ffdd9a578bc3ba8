"""Passes through an OpenVINO graph with paged attention: keys and values are in blocks, and each row has a list of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llmops_plugins.local.engine.attention import Segment
from llmops_plugins.local.engine.openvino.runtime import load_openvino

BLOCK = 32
"""Positions in a block, as OpenVINO's CPU plugin lays them out."""


class OpenVinoPasses:
    """See `Passes`.

    Rows with a common prefix share its whole blocks. A shared block is never written: a row continues in a block of its
    own.

    Args:
        compiled: The graph, as `graph.compile_model` returns it.
        windows: The window of each layer.
    """

    def __init__(self, compiled: Any, windows: dict[int, int | None]) -> None:
        self.windows = windows
        self._request = compiled.create_infer_request()
        # Without the number of blocks, which comes first.
        self._shapes = {
            port.any_name: tuple(int(size.get_length()) for size in list(port.partial_shape)[1:])
            for port in compiled.inputs
            if port.any_name.startswith(("key_cache.", "value_cache."))
        }
        self._type = next(port.element_type for port in compiled.inputs if port.any_name in self._shapes)
        self._tensor = load_openvino().Tensor
        self._slabs: dict[str, np.ndarray[Any, Any]] = {}
        self._free: list[int] = []
        self._users: list[int] = []
        self._rows: list[list[int]] = []
        self._in_use = 0

    @property
    def bytes_per_position(self) -> int:
        """See `Passes.bytes_per_position`."""
        block = sum(math.prod(shape) for shape in self._shapes.values())
        return int(block * self._type.size // BLOCK)

    def reserve(self, rows: int, positions: int) -> tuple[int, int]:
        """See `Passes.reserve`. Rows beyond those in use give their blocks back when others need them."""
        self._in_use = rows
        self._rows += [[] for _ in range(rows - len(self._rows))]
        needed = rows * _blocks(positions)
        if needed > len(self._users):
            self._grow(needed)
        return len(self._rows), len(self._users) * BLOCK

    def share(self, source: int, target: int, positions: int) -> int:
        """See `Passes.share`: whole blocks only."""
        blocks = self._rows[source][: positions // BLOCK]
        for block in blocks:
            self._users[block] += 1
        self._release(target)
        self._rows[target] = blocks
        return len(blocks) * BLOCK

    def move(self, source: int, target: int, positions: int) -> None:
        """See `Passes.move`."""
        self._release(target)
        self._rows[target], self._rows[source] = self._rows[source], []

    def compute(
        self, tokens: Sequence[int], positions: Sequence[int], kept: Sequence[int], segments: Sequence[Segment]
    ) -> Tensor:
        """See `Passes.compute`."""
        blocks = [self._blocks_of(segment) for segment in segments]
        lengths = {
            "past_lens": [segment.past for segment in segments],
            "subsequence_begins": [*(segment.start for segment in segments), len(tokens)],
            "block_indices": [block for row in blocks for block in row],
            "block_indices_begins": np.cumsum([0, *map(len, blocks)]),
            "max_context_len": max(segment.past + segment.count for segment in segments),
        }
        texts = {"input_ids": [tokens], "position_ids": [positions], "kept": kept}
        inputs = {name: np.array(values, np.int32) for name, values in lengths.items()}
        inputs |= {name: np.array(values, np.int64) for name, values in texts.items()}
        for name, values in inputs.items():
            self._request.set_tensor(name, self._tensor(values))
        self._request.infer()
        return torch.from_numpy(self._request.get_output_tensor(0).data.copy())

    def clear(self) -> None:
        """See `Passes.clear`."""
        self._slabs, self._free, self._users, self._rows = {}, [], [], []

    def _blocks_of(self, segment: Segment) -> list[int]:
        """Return the blocks of a row, with room for its new tokens."""
        row = self._rows[segment.row]
        row += [self._take() for _ in range(_blocks(segment.past + segment.count) - len(row))]
        return row

    def _take(self) -> int:
        while not self._free:  # what is reserved is enough for the rows in use
            self._release(max(range(self._in_use, len(self._rows)), key=lambda row: len(self._rows[row])))
        block = self._free.pop()
        self._users[block] = 1
        return block

    def _release(self, row: int) -> None:
        for block in self._rows[row]:
            self._users[block] -= 1
            if not self._users[block]:
                self._free.append(block)
        self._rows[row] = []

    def _grow(self, blocks: int) -> None:
        """Enlarge every layer's keys and values; new blocks are zero, and take memory once they are written."""
        before = len(self._users)
        for name, shape in self._shapes.items():
            dtype = np.dtype(f"u{self._type.size}")  # numpy has no bfloat16, and only bytes are moved
            slab = np.zeros((blocks, *shape), dtype)
            if before:
                slab[:before] = self._slabs[name]
            self._slabs[name] = slab
            self._request.set_tensor(name, self._tensor(slab, slab.shape, self._type))
        self._free += reversed(range(before, blocks))
        self._users += [0] * (blocks - before)


def _blocks(positions: int) -> int:
    return -(-positions // BLOCK)
