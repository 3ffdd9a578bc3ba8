"""Autograd functions of the packed LoRA loss, whose backward passes read memory few times.

Frozen weights get no gradients.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor
from torch.autograd.function import once_differentiable

# The logits of this many targets at a time stay in a CPU's cache.
_TARGETS_PER_CHUNK = 128


class NormFunction(torch.autograd.Function):
    """y = x / rms(x) * weight, over the last dimension, in float32."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        inverse = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_().div_(x.shape[-1]).add_(epsilon).rsqrt_()
        ctx.save_for_backward(x, weight, inverse)
        y: Tensor = (x * inverse).mul_(weight)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        x, weight, inverse = ctx.saved_tensors
        scaled = grad * weight
        along = torch.linalg.vecdot(scaled, x)[:, None] * inverse**3 / x.shape[-1]
        return scaled.mul_(inverse).addcmul_(x, along, value=-1), None, None


class LoraFunction(torch.autograd.Function):
    """y = x W' (+ residual); the columns of each joined layer also get scale * (x A') B'."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, residual: Tensor | None, weight: Tensor, scale: float, *adapters: Tensor
    ) -> Tensor:
        layers = len(adapters) // 2
        down = torch.cat(adapters[:layers]).to(x.dtype)
        ups = [up.to(x.dtype) for up in adapters[layers:]]
        inner = x @ down.t()
        if residual is not None and residual.dtype == x.dtype:
            y, residual_added = torch.addmm(residual, x, weight.t()), True
        else:
            y, residual_added = x @ weight.t(), False
        for y_part, inner_part, up in zip(_columns(y, ups), inner.chunk(layers, 1), ups, strict=True):
            y_part.addmm_(inner_part, up.t(), alpha=scale)
        ctx.save_for_backward(x, inner, weight, down, *ups)
        ctx.scale, ctx.has_residual = scale, residual is not None
        return y if residual is None or residual_added else residual + y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        x, inner, weight, down, *ups = ctx.saved_tensors
        dy = grad.to(x.dtype)
        d_inner = torch.empty_like(inner)
        d_ups = []
        parts = zip(_columns(dy, ups), inner.chunk(len(ups), 1), d_inner.chunk(len(ups), 1), ups, strict=True)
        for dy_part, inner_part, d_inner_part, up in parts:
            torch.mm(dy_part, up, out=d_inner_part)
            d_ups.append((inner_part.t() @ dy_part).t().float().mul_(ctx.scale))
        d_inner.mul_(ctx.scale)
        d_downs = (d_inner.t() @ x).float().chunk(len(ups))
        dx = torch.mm(dy, weight).addmm_(d_inner, down) if ctx.needs_input_grad[0] else None
        return dx, grad if ctx.has_residual else None, None, None, *d_downs, *d_ups


class RotaryFunction(torch.autograd.Function):
    """Rotates the first heads of [tokens, heads, width] by their position; the others (the values) stay as they are."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor, heads: int) -> Tensor:
        ctx.save_for_backward(cos, sin)
        ctx.heads = heads
        return _rotate(x, cos, sin, heads)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        cos, sin = ctx.saved_tensors
        return _rotate(grad, cos, -sin, ctx.heads), None, None, None


class GateFunction(torch.autograd.Function):
    """y = silu(gate) * up, for gate and up side by side."""

    @staticmethod
    def forward(ctx: Any, joined: Tensor) -> Tensor:
        ctx.save_for_backward(joined)
        gate, up = joined.chunk(2, 1)
        return F.silu(gate).mul_(up)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (joined,) = ctx.saved_tensors
        gate, up = joined.chunk(2, 1)
        result = torch.empty_like(joined)
        d_gate, d_up = result.chunk(2, 1)
        share = torch.sigmoid(gate)
        silu = gate * share
        torch.mul(grad, silu, out=d_up)
        # silu' = share * (1 + gate * (1 - share)) = share + silu * (1 - share)
        slope = silu.addcmul_(silu, share, value=-1).add_(share)
        torch.mul(grad, up, out=d_gate).mul_(slope)
        return result


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


def _columns(y: Tensor, ups: Sequence[Tensor]) -> Sequence[Tensor]:
    """Return views of a joined output, one for each layer."""
    return torch.split_with_sizes(y, [len(up) for up in ups], 1)


def _rotate(x: Tensor, cos: Tensor, sin: Tensor, heads: int) -> Tensor:
    half = x.shape[-1] // 2
    result = x.clone()
    first, second = result[:, :heads, :half], result[:, :heads, half:]
    x_first, x_second = x[:, :heads, :half], x[:, :heads, half:]
    first.mul_(cos).addcmul_(x_second, sin, value=-1)
    second.mul_(cos).addcmul_(x_first, sin)
    return result
