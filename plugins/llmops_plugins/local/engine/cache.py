"""The keys and values of all rows of the running batch, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

# Positions are reserved in multiples of this.
_POSITIONS = 128


class KeyValueCache:
    """For each layer two slabs, keys and values, of the shape `rows x positions x heads x width`.

    A row is one request; its token number `n` is at position `n`. A layer's slabs are made at its first write, with the
    heads, the width and the number format of what is written, so that no model configuration has to be understood.
    Positions that were never written are zero, never NaN, because masked positions still enter products with weight 0.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.positions = 0
        self._layers: dict[int, tuple[Tensor, Tensor]] = {}

    @property
    def bytes_per_position(self) -> int:
        """Bytes that one token takes in all layers; 0 before the first token."""
        slabs = [slab for pair in self._layers.values() for slab in pair]
        return sum(slab[0, 0].numel() * slab.element_size() for slab in slabs)

    def clear(self) -> None:
        """Release all memory."""
        self.rows = self.positions = 0
        self._layers.clear()

    def reserve(self, rows: int, positions: int) -> None:
        """Make room for rows and no more than that, unless there is room; content is kept as far as it fits.

        Args:
            rows: Number of rows needed.
            positions: Number of positions needed in the longest row.
        """
        if rows <= self.rows and positions <= self.positions:
            return
        self.rows, self.positions = rows, -(-positions // _POSITIONS) * _POSITIONS
        for layer, (keys, values) in self._layers.items():
            self._layers[layer] = (self._resized(keys), self._resized(values))

    def _resized(self, slab: Tensor) -> Tensor:
        rows, positions = min(self.rows, slab.shape[0]), min(self.positions, slab.shape[1])
        new = slab.new_zeros((self.rows, self.positions, *slab.shape[2:]))
        new[:rows, :positions] = slab[:rows, :positions]
        return new

    def layer(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Return a layer's slabs; missing ones are made for keys and values of `tokens x heads x width`."""
        if layer not in self._layers:
            shape = (self.rows, self.positions)
            self._layers[layer] = (
                keys.new_zeros((*shape, *keys.shape[1:])),
                values.new_zeros((*shape, *values.shape[1:])),
            )
        return self._layers[layer]

    def write(self, layer: int, index: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write one token for each row, and return the layer's slabs.

        Args:
            layer: The layer's number.
            index: `row * positions + position` for each token.
            keys: `tokens x heads x width`.
            values: Like `keys`; the width may differ.
        """
        slabs = self.layer(layer, keys, values)
        for slab, new in zip(slabs, (keys, values), strict=True):
            slab.view(-1, *slab.shape[2:]).index_copy_(0, index, new)
        return slabs

    def copy(self, source: int, target: int, positions: int) -> None:
        """Copy a row's first positions to another row."""
        if source != target:
            for slab in (slab for pair in self._layers.values() for slab in pair):
                slab[target, :positions] = slab[source, :positions]


def common_prefix(one: list[int], other: list[int]) -> int:
    """Return the length of the longest common prefix of two lists of tokens.

    >>> common_prefix([1, 2, 3], [1, 2, 4, 5])
    2
    """
    for index, (first, second) in enumerate(zip(one, other)):  # noqa: B905 - stops at the shorter one
        if first != second:
            return index
    return min(len(one), len(other))
