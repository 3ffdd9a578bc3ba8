"""Autograd functions of the packed LoRA loss: an adapted layer, and the output layer with its loss.

Frozen weights get no gradients.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# The logits of this many targets at a time stay in a CPU's cache.
_TARGETS_PER_CHUNK = 128


class LoraFunction(torch.autograd.Function):
    """y = x W' + bias + scale * (x A') B', over the last dimension, in the dtype of W."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, down: Tensor, up: Tensor, scale: float
    ) -> Tensor:
        flat = x.reshape(-1, x.shape[-1]).to(weight.dtype)
        down, up = down.to(weight.dtype), up.to(weight.dtype)
        inner = flat @ down.t()
        y = flat @ weight.t() if bias is None else torch.addmm(bias, flat, weight.t())
        y.addmm_(inner, up.t(), alpha=scale)
        ctx.save_for_backward(flat, inner, weight, down, up)
        ctx.scale, ctx.shape = scale, x.shape
        return y.view(*x.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        x, inner, weight, down, up = ctx.saved_tensors
        dy = grad.reshape(-1, grad.shape[-1])
        d_inner = (dy @ up).mul_(ctx.scale)
        d_up = (inner.t() @ dy).t().float().mul_(ctx.scale)
        d_down = (d_inner.t() @ x).float()
        dx = (dy @ weight).addmm_(d_inner, down).view(ctx.shape) if ctx.needs_input_grad[0] else None
        return dx, None, None, d_down, d_up, None


class HeadLossFunction(torch.autograd.Function):
    """The summed cross-entropy of an output layer's logits, with the gradient of its input computed in the same pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, head: Tensor, targets: Tensor) -> Tensor:
        total = torch.zeros((), dtype=torch.float64)
        gradient = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        for start in range(0, len(x), _TARGETS_PER_CHUNK):
            chunk = slice(start, start + _TARGETS_PER_CHUNK)
            index = targets[chunk, None]
            logits = (x[chunk] @ head.t()).float()
            sums = torch.logsumexp(logits, dim=1, keepdim=True)
            total += (sums - logits.gather(1, index)).sum(dtype=torch.float64)
            if gradient is not None:
                slope = logits.sub_(sums).exp_()
                slope.scatter_add_(1, index, torch.full_like(sums, -1.0))
                torch.mm(slope.to(head.dtype), head, out=gradient[chunk])
        ctx.save_for_backward(gradient)
        return total.float()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * grad, None, None
