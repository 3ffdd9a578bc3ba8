from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from llmops_plugins.local.lora.attention import PackedAttention
from llmops_plugins.local.lora.packing import Packing

HEADS, KEY_HEADS, WIDTH, VALUE_WIDTH = 6, 2, 8, 5


def row_by_row(packing: Packing, q: Tensor, k: Tensor, v: Tensor, scale: float, window: int | None) -> Tensor:
    """Torch's attention of each complete row, packed again; `heads x tokens x width` to `tokens x heads x width`."""
    rows = []
    for number, length in enumerate(packing.lengths):
        place = packing.index(number)
        positions = torch.arange(length)
        mask = positions <= positions[:, None]
        if window is not None:
            mask &= positions > positions[:, None] - window
        query, keys, values = (x[None, :, place] for x in (q, k, v))
        attended = scaled_dot_product_attention(query, keys, values, attn_mask=mask, scale=scale, enable_gqa=True)
        rows.append(attended[0].transpose(0, 1))
    return packing.pack(rows)


@pytest.mark.parametrize("window", [None, 1, 40, 128, 300])
@pytest.mark.parametrize(
    ("shared", "lengths"),
    [(0, [5]), (3, [10, 7, 4]), (0, [128, 129]), (30, [31, 400, 257, 128]), (140, [150, 300])],
)
def test_attention_and_its_gradients_are_those_of_each_row(shared: int, lengths: list[int], window: int | None) -> None:
    """Rows of one and of several blocks, with probabilities that are kept and some that are computed again."""
    torch.manual_seed(0)
    packing = Packing(shared, lengths)
    tokens = sum(packing.sizes)
    q, k, v = (
        torch.randn(1, tokens, heads, width, dtype=torch.float32).transpose(1, 2).requires_grad_()
        for heads, width in ((HEADS, WIDTH), (KEY_HEADS, WIDTH), (KEY_HEADS, VALUE_WIDTH))
    )
    grad = torch.randn(tokens, HEADS, VALUE_WIDTH)
    expected = row_by_row(packing, q[0], k[0], v[0], 0.3, window)
    expected_gradients = torch.autograd.grad(expected, (q, k, v), grad)
    windows: dict[int, int | None] = {}

    actual = PackedAttention(packing, windows).attend(7, q, k, v, 0.3, window)
    gradients = torch.autograd.grad(actual, (q, k, v), grad[None])

    torch.testing.assert_close(actual[0], expected, rtol=1e-4, atol=1e-5)
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(gradient, expected_gradient, rtol=1e-3, atol=1e-4)
    assert windows == {7: window}


def test_the_scale_is_that_of_the_width_if_none_is_given() -> None:
    """As torch's own attention has it."""
    q, k, v = (torch.randn(1, 2, 9, 16) for _ in range(3))

    actual = PackedAttention(Packing(0, [9]), {}).attend(0, q, k, v, None, None)

    torch.testing.assert_close(actual, scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2))
