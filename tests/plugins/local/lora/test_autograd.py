from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, linear

from llmops_plugins.local.lora.autograd import Frozen, HeadLossFunction, LoraFunction, RmsNormFunction

norm: Any = RmsNormFunction.apply
adapted: Any = LoraFunction.apply
head_loss: Any = HeadLossFunction.apply


def require_equal(actual: Callable[..., Tensor], expected: Callable[..., Tensor], *inputs: Tensor) -> None:
    """Both give the same value and, for inputs that need one, the same gradient."""
    needed = [value for value in inputs if value.requires_grad]
    results = [function(*inputs) for function in (actual, expected)]
    rtol, atol = (2e-2, 2e-2) if results[0].dtype == torch.bfloat16 else (1e-4, 1e-5)
    torch.testing.assert_close(results[0], results[1], rtol=rtol, atol=atol)
    grad = torch.randn_like(results[0])
    gradients = [torch.autograd.grad(result, needed, grad) for result in results]
    for gradient, expected_gradient in zip(gradients[0], gradients[1], strict=True):
        torch.testing.assert_close(gradient, expected_gradient, rtol=rtol, atol=atol)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_norm_is_that_of_its_formula(dtype: torch.dtype) -> None:
    """Computed in float32 whatever the input is."""
    torch.manual_seed(0)
    x, weight = torch.randn(3, 4, 50).mul_(3).to(dtype).requires_grad_(), torch.randn(50)

    def by_formula(x: Tensor) -> Tensor:
        wide = x.float()
        return (wide / (wide.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt() * weight).to(dtype)

    require_equal(lambda x: norm(x, weight, 1e-5), by_formula, x)


@pytest.mark.parametrize("needs_gradient", [True, False])
def test_layers_of_one_input_are_those_of_their_formulas(*, needs_gradient: bool) -> None:
    """Of different widths, ranks and scales, with and without a bias; the first layer of a model needs no gradient of its input."""
    torch.manual_seed(0)
    x = torch.randn(2, 7, 12, requires_grad=needs_gradient)
    layers = [Frozen(torch.randn(5, 12), None, 2.0), Frozen(torch.randn(9, 12), torch.randn(9), 0.5)]
    downs = [torch.randn(3, 12, requires_grad=True), torch.randn(4, 12, requires_grad=True)]
    ups = [torch.randn(5, 3, requires_grad=True), torch.randn(9, 4, requires_grad=True)]

    def actual(x: Tensor, *adapters: Tensor) -> Tensor:
        return torch.cat(adapted(x, layers, *adapters), dim=-1)

    def expected(x: Tensor, *adapters: Tensor) -> Tensor:
        parts = zip(layers, adapters[:2], adapters[2:], strict=True)
        return torch.cat(
            [linear(x, one.weight, one.bias) + one.scale * linear(linear(x, down), up) for one, down, up in parts],
            dim=-1,
        )

    require_equal(actual, expected, x, *downs, *ups)


def test_the_output_layers_loss_is_the_summed_cross_entropy() -> None:
    """Of more targets than are computed at a time."""
    torch.manual_seed(0)
    x, head, targets = torch.randn(300, 16, requires_grad=True), torch.randn(40, 16), torch.randint(40, (300,))

    require_equal(
        lambda x: head_loss(x, head, targets),
        lambda x: cross_entropy(x @ head.t(), targets, reduction="sum"),
        x,
    )
