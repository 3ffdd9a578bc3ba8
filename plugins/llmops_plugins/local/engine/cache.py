"""The keys and values of every row of a running batch, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

# Rows and places are reserved in multiples of these.
_ROWS = 4
_PLACES = 128


class KeyValueCache:
    """For each layer two slabs, keys and values, of the shape `rows x places x heads x width`.

    A row is one request; its token number `n` is at place `n`. The slabs are made when a layer first writes, with the
    heads, the width and the number format of what it writes, so that no model's configuration has to be understood.
    Places that were never written are zero, never NaN, since masked places still enter products with weight 0.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.places = 0
        self._layers: dict[int, tuple[Tensor, Tensor]] = {}

    @property
    def bytes_per_place(self) -> int:
        """Bytes that one token takes in all layers; 0 before the first token."""
        slabs = [slab for pair in self._layers.values() for slab in pair]
        return sum(slab[0, 0].numel() * slab.element_size() for slab in slabs)

    def clear(self) -> None:
        """Let go of all memory."""
        self.rows = self.places = 0
        self._layers.clear()

    def reserve(self, rows: int, places: int, *, tight: bool) -> None:
        """Make room for so many rows of so many places; what the rows hold is kept as far as it fits.

        Args:
            rows: Rows needed.
            places: Places needed in the longest row.
            tight: Whether to take no more memory than that: else what is there is never made smaller.
        """
        if rows <= self.rows and places <= self.places:
            return
        places = _round_up(places, _PLACES)
        if not tight:
            rows, places = max(_round_up(rows, _ROWS), self.rows), max(places, self.places)
        self.rows, self.places = rows, places
        for layer, (keys, values) in self._layers.items():
            self._layers[layer] = (self._resized(keys), self._resized(values))

    def _resized(self, slab: Tensor) -> Tensor:
        rows, places = min(self.rows, slab.shape[0]), min(self.places, slab.shape[1])
        new = slab.new_zeros((self.rows, self.places, *slab.shape[2:]))
        new[:rows, :places] = slab[:rows, :places]
        return new

    def layer(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Return a layer's slabs, made where they are missing like the `tokens x heads x width` given."""
        if layer not in self._layers:
            shape = (self.rows, self.places)
            self._layers[layer] = (
                keys.new_zeros((*shape, *keys.shape[1:])),
                values.new_zeros((*shape, *values.shape[1:])),
            )
        return self._layers[layer]

    def write(self, layer: int, where: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write one token for each row, and return the layer's slabs.

        Args:
            layer: Its number.
            where: `row * places + place` for each token.
            keys: `tokens x heads x width`.
            values: Like `keys`; the width may differ.
        """
        slabs = self.layer(layer, keys, values)
        for slab, new in zip(slabs, (keys, values), strict=True):
            slab.view(-1, *slab.shape[2:]).index_copy_(0, where, new)
        return slabs

    def copy(self, source: int, target: int, places: int) -> None:
        """Copy a row's first places to another row."""
        if source != target:
            for slab in (slab for pair in self._layers.values() for slab in pair):
                slab[target, :places] = slab[source, :places]


def common_prefix(one: list[int], other: list[int]) -> int:
    """Return how many tokens two lists share at their beginning.

    >>> common_prefix([1, 2, 3], [1, 2, 4, 5])
    2
    """
    for place, (mine, yours) in enumerate(zip(one, other)):  # noqa: B905 - the shorter one ends it
        if mine != yours:
            return place
    return min(len(one), len(other))


def _round_up(number: int, grain: int) -> int:
    return -(-number // grain) * grain
