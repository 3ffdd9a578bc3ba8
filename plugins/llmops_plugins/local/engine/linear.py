"""Linear layers whose weights are stored in the layout that the CPU's matrix kernel reads.

A step of generation multiplies few rows by every weight of the model. The usual kernel rearranges the weight for each
product, which takes longer than the product itself: with 16 rows, about two thirds of the time. Here it is done once.
The operators are those that torch's own compiler emits for frozen models; each is looked up, checked against the plain
product, and timed. If it is missing, wrong or no faster, the model stays as it is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from llmops_plugins.local.engine.memory import free_memory

# Rows in the timed product: a typical batch.
_ROWS = 16
_REPEATS = 6
_CLEAR_WIN = 1.15

# A packed weight is a second copy: it may take at most this fraction of the free memory.
_MEMORY_SHARE = 0.4

Pack = Callable[[Tensor], Tensor]
Product = Callable[[Tensor, Tensor, Tensor, "Tensor | None"], Tensor]


def pack_linears(model: nn.Module) -> str:
    """Replace a model's linear layers on the CPU by packed ones, if that is clearly faster.

    Returns:
        The kernel: `mkl`, `onednn`, or `plain` if nothing was replaced.
    """
    layers = {name: layer for name, layer in model.named_modules() if type(layer) is nn.Linear}
    size = sum(layer.weight.numel() * layer.weight.element_size() for layer in layers.values())
    if not layers or size > _MEMORY_SHARE * free_memory():
        return "plain"
    kernel = _fastest(max(layers.values(), key=lambda layer: (layer.weight.numel() < 1 << 24, layer.weight.numel())))
    if kernel == "plain":
        return kernel
    for name, layer in layers.items():
        parent, _, child = name.rpartition(".")
        setattr(model.get_submodule(parent), child, PackedLinear(layer, kernel))
    return kernel


class PackedLinear(nn.Module):
    """A linear layer with a packed copy of its weight, for inference only."""

    def __init__(self, layer: nn.Linear, kernel: str) -> None:
        super().__init__()
        self.in_features = layer.in_features
        self.out_features = layer.out_features
        self.weight = layer.weight
        self.bias = layer.bias
        pack, self._product = _KERNELS[kernel]
        self._packed = pack(layer.weight.detach())

    def forward(self, rows: Tensor) -> Tensor:
        """Multiply; a single row uses the plain weight, which is as fast for it."""
        if rows.numel() == self.in_features:
            return functional.linear(rows, self.weight, self.bias)
        return self._product(rows, self._packed, self.weight, self.bias)


def _pack_mkl(weight: Tensor) -> Tensor:
    packed: Tensor = torch.ops.mkl._mkl_reorder_linear_weight(weight, _ROWS)  # noqa: SLF001 - see the module's docstring
    return packed


def _mkl(rows: Tensor, packed: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    # The packed weight works for any number of rows; the operator only checks that the number passed is the actual one.
    count = rows.numel() // rows.shape[-1]
    product: Tensor = torch.ops.mkl._mkl_linear(rows, packed, weight, bias, count)  # noqa: SLF001
    return product


def _pack_onednn(weight: Tensor) -> Tensor:
    packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, _ROWS)  # noqa: SLF001
    return packed


def _onednn(rows: Tensor, packed: Tensor, _weight: Tensor, bias: Tensor | None) -> Tensor:
    product: Tensor = torch.ops.mkldnn._linear_pointwise(rows, packed, bias, "none", [], "")  # noqa: SLF001
    return product


_KERNELS: dict[str, tuple[Pack, Product]] = {"mkl": (_pack_mkl, _mkl), "onednn": (_pack_onednn, _onednn)}


def _fastest(layer: nn.Linear) -> str:
    """Return the fastest of the kernels that give the plain product's values for one layer."""
    weight, bias = layer.weight.detach(), None if layer.bias is None else layer.bias.detach()
    rows = torch.linspace(-1, 1, _ROWS * layer.in_features).view(_ROWS, -1).to(weight.dtype)
    plain = functional.linear(rows, weight, bias)
    seconds = {"plain": _time(partial(functional.linear, rows, weight, bias)) / _CLEAR_WIN}
    tolerance = (1e-4 if weight.dtype == torch.float32 else 2e-2) * max(1e-6, plain.abs().max().item())
    for name, (pack, product) in _KERNELS.items():
        try:
            packed = pack(weight)
            error = (product(rows, packed, weight, bias) - plain).abs().max().item()
        except (RuntimeError, AttributeError):  # no such operator, or not for this format
            continue
        if error <= tolerance:
            seconds[name] = _time(partial(product, rows, packed, weight, bias))
    return min(seconds, key=lambda name: seconds[name])


def _time(product: Callable[[], Tensor]) -> float:
    best = math.inf
    for _ in range(_REPEATS):
        start = time.perf_counter()
        product()
        best = min(best, time.perf_counter() - start)
    return best
