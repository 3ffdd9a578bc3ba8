"""How the rows of a batch are packed into one sequence without padding, their common prefix once."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor


@attrs.frozen
class Packing:
    """The layout of a batch in one sequence: the first row complete, the others without their common prefix.

    Attributes:
        shared: Length of the prefix that all rows share.
        lengths: Tokens of each row.
    """

    shared: int
    lengths: list[int]

    @property
    def sizes(self) -> list[int]:
        """The length of the common prefix, then of the rest of each row."""
        return [self.shared, *(length - self.shared for length in self.lengths)]

    def pack(self, rows: list[Tensor]) -> Tensor:
        """Join per-row values along the first dimension."""
        return torch.cat([rows[0], *(row[self.shared :] for row in rows[1:])])

    def index(self, row: int) -> Tensor:
        """Return the indices of a row's tokens in the sequence."""
        start = self.shared + sum(self.sizes[1 : row + 1])
        return torch.cat([torch.arange(self.shared), torch.arange(start, start + self.sizes[row + 1])])


def common_prefix_length(rows: list[Tensor]) -> int:
    """Return the length of the prefix that all rows share."""
    length = min(len(row) for row in rows)
    same = torch.stack([row[:length] == rows[0][:length] for row in rows]).all(0)
    return int(same.long().cumprod(0).sum())
