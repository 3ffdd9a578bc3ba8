from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch

from llmops_plugins.local.lora.packing import Packing, common_prefix_length

ROWS = [torch.tensor(row) for row in ([1, 2, 3, 4], [1, 2, 9], [1, 2, 5, 6, 7])]


def test_rows_are_packed_with_their_common_prefix_once() -> None:
    """The first row is complete, the others lack the prefix; every row's places are known."""
    packing = Packing(common_prefix_length(ROWS), [len(row) for row in ROWS])

    packed = packing.pack(ROWS)

    assert [1, 2, 3, 4, 9, 5, 6, 7] == packed.tolist()
    assert [row.tolist() for row in ROWS] == [packed[packing.index(number)].tolist() for number in range(3)]


def test_rows_without_a_common_prefix_are_packed_one_after_the_other() -> None:
    """This is also how a single row is packed."""
    rows = [torch.tensor([1, 2]), torch.tensor([3, 4, 5])]
    packing = Packing(common_prefix_length(rows), [2, 3])

    assert [1, 2, 3, 4, 5] == packing.pack(rows).tolist()
