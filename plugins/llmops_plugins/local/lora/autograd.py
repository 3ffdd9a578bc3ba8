"""Autograd functions of the packed LoRA loss: adapted layers, norms, and the output layer with its loss.

Frozen weights get no gradients.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# The logits of this many targets at a time stay in a CPU's cache.
_TARGETS_PER_CHUNK = 128


class Frozen(NamedTuple):
    """What training leaves as it is in an adapted layer: W, its bias, and the scale of what is added."""

    weight: Tensor
    bias: Tensor | None
    scale: float


class LoraFunction(torch.autograd.Function):
    """y = x W' + bias + scale * (x A') B', over the last dimension, in the dtype of W, for layers that read the same x.

    Arguments are x, the layers, each layer's A, and each layer's B. What x is multiplied with in the adapters is multiplied
    once for all layers.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, layers: Sequence[Frozen], *adapters: Tensor) -> tuple[Tensor, ...]:
        dtype = layers[0].weight.dtype
        flat = x.reshape(-1, x.shape[-1]).to(dtype)
        down = torch.cat(adapters[: len(layers)]).to(dtype)
        ups = [up.to(dtype) for up in adapters[len(layers) :]]
        ranks = [up.shape[1] for up in ups]
        ctx.layers, ctx.shape, ctx.ranks = layers, x.shape, ranks
        inner = flat @ down.t()
        ctx.save_for_backward(flat, inner, down, *ups)
        outputs = []
        for (weight, bias, scale), part, up in zip(
            layers, torch.split_with_sizes(inner, ranks, dim=1), ups, strict=True
        ):
            y = flat @ weight.t() if bias is None else torch.addmm(bias, flat, weight.t())
            outputs.append(y.addmm_(part, up.t(), alpha=scale).view(*x.shape[:-1], -1))
        return tuple(outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        x, inner, down, *ups = ctx.saved_tensors
        dys = [grad.reshape(-1, grad.shape[-1]) for grad in grads]
        layers = list(zip(ctx.layers, dys, ups, inner.split(ctx.ranks, dim=1), strict=True))
        d_inner = torch.cat([(dy @ up).mul_(layer.scale) for layer, dy, up, _ in layers], dim=1)
        d_ups = [(part.t() @ dy).t().float().mul_(layer.scale) for layer, dy, _, part in layers]
        d_downs = (d_inner.t() @ x).float().split(ctx.ranks)
        dx = None
        if ctx.needs_input_grad[0]:
            dx = d_inner @ down
            for layer, dy, _, _ in layers:
                dx.addmm_(dy, layer.weight)
            dx = dx.view(ctx.shape)
        return dx, None, *d_downs, *d_ups


class RmsNormFunction(torch.autograd.Function):
    """y = x / sqrt(mean(x^2) + eps) * weight, over the last dimension (Zhang and Sennrich 2019, equation 4), in float32."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        wide = x.float()
        inverse = torch.linalg.vecdot(wide, wide)[..., None].div_(x.shape[-1]).add_(eps).rsqrt_()
        ctx.save_for_backward(x, weight, inverse)
        y: Tensor = (wide * inverse).mul_(weight)
        return y.to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        x, weight, inverse = ctx.saved_tensors
        wide, dy = x.float(), grad * weight
        along = torch.linalg.vecdot(dy, wide)[..., None].mul_(inverse.pow(3)).div_(-x.shape[-1])
        return dy.mul_(inverse).addcmul_(wide, along).to(x.dtype), None, None


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
