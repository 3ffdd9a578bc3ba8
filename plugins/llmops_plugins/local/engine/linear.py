"""Linear layers whose weights are stored in the layout that the CPU's matrix kernel reads.

A step of generation multiplies few rows by every weight of the model. The usual kernel rearranges the weight for each
product, which takes longer than the product itself: with 16 rows, about two thirds of the time. Here it is done once.
The operators are those that torch's own compiler emits for frozen models. Which one is used depends on the number format
alone, never on a measurement, so that all models of a run are computed alike. It is checked against the plain product
first; if it is missing or wrong, the model stays as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from llmops_plugins.local.device import Kernel
from llmops_plugins.local.engine.memory import total_memory

_log = logging.getLogger(__name__)

# Rows that the packed layout is made for: a typical batch.
_ROWS = 16

# A packed weight is a second copy: all of them may take at most this fraction of the memory that a process may use.
_MEMORY_SHARE = 0.2

Pack = Callable[[Tensor], Tensor]
Product = Callable[[Tensor, Tensor, Tensor, "Tensor | None"], Tensor]


def pack_linears(model: nn.Module, kernel: Kernel) -> Kernel:
    """Replace a model's linear layers on the CPU by packed ones.

    Returns:
        The kernel, or `plain` if nothing was replaced: the packed weights take too much memory, or this torch does not
        have the kernel.
    """
    layers = {name: layer for name, layer in model.named_modules() if type(layer) is nn.Linear}
    size = sum(layer.weight.numel() * layer.weight.element_size() for layer in layers.values())
    if kernel == "plain" or not layers or size > _MEMORY_SHARE * total_memory():
        return "plain"
    smallest = min(layers.values(), key=lambda layer: layer.weight.numel())
    if not _computes_the_product(kernel, smallest):
        _log.warning("this torch does not have the kernel %s: the plain one is used", kernel)
        return "plain"
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


def _computes_the_product(kernel: str, layer: nn.Linear) -> bool:
    """Return whether a kernel exists for a layer's format and gives the plain product's values."""
    pack, product = _KERNELS[kernel]
    weight, bias = layer.weight.detach(), None if layer.bias is None else layer.bias.detach()
    rows = torch.linspace(-1, 1, _ROWS * layer.in_features).view(_ROWS, -1).to(weight.dtype)
    plain = functional.linear(rows, weight, bias)
    tolerance = (1e-4 if weight.dtype == torch.float32 else 2e-2) * max(1e-6, plain.abs().max().item())
    try:
        error = (product(rows, pack(weight), weight, bias) - plain).abs().max().item()
    except (RuntimeError, AttributeError):  # no such operator, or not for this format
        return False
    return bool(error <= tolerance)
