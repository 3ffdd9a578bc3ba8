"""The LoRA loss of rows that are packed one after the other, through transformers' own modules.

It is the same loss of the same parameters as that of padded batches (a test compares values and gradients), computed so that

* no padding token is ever computed: attention, which can be replaced by name, runs row by row, and everything else in a
  layer works token by token;
* the common prefix of a batch (the fixed words of a prompt template) is computed once;
* adapted layers that read the same input are one autograd function, a norm is another, and the last feed-forward layer and
  the output layer are computed at the targets only.

Matrix products run in the weights' own dtype, the residual stream in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from peft.tuners import lora
from torch import Tensor, nn

from llmops_plugins.local.engine.attention import install, using
from llmops_plugins.local.lora.attention import PackedAttention
from llmops_plugins.local.lora.autograd import Frozen, HeadLossFunction, LoraFunction, RmsNormFunction
from llmops_plugins.local.lora.model import decoder
from llmops_plugins.local.lora.packing import Packing, common_prefix_length

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from peft import PeftModel

    from llmops_plugins.local.lora.rows import TrainingRow


class PackedLoss:
    """Computes the summed loss of rows on a CPU, from the parameters of a peft model without dropout on its adapters.

    The model's attention, its adapted layers and norms, and its last feed-forward layer are replaced until `restore`.

    Args:
        model: A causal language model with LoRA adapters.
        autocast: Returns the context to compute in.

    Attributes:
        windows: The window that each layer asked for.

    Raises:
        UnsupportedModelError: The model's attention cannot be replaced.
    """

    method = "packed rows"

    def __init__(self, model: PeftModel, autocast: Callable[[], AbstractContextManager[None]]) -> None:
        self._base: Any = model.get_base_model()
        self._decoder = decoder(model)
        self._autocast = autocast
        self._head: Tensor = self._base.get_output_embeddings().weight.detach()
        self.windows: dict[int, int | None] = {}
        self._predictors = torch.empty(0, dtype=torch.long)
        replacements = self._replacements()  # before anything is replaced: the model's own code may fail here
        self._attention = self._base.config._attn_implementation  # noqa: SLF001 - there is no public getter
        install(self._base)
        self._hook = self._base.get_input_embeddings().register_forward_hook(_in_float32)
        for module, forward in replacements.items():
            module.forward = forward
        self._replaced = list(replacements)

    def _replacements(self) -> dict[nn.Module, Callable[..., Tensor]]:
        """Return what computes the same as modules of the model, faster."""
        replacements: dict[nn.Module, Callable[..., Tensor]] = {}
        for group in _layers_by_input(self._base, self._decoder):
            joined = _JoinedLayers(group)
            replacements |= {layer: partial(joined, number) for number, layer in enumerate(group)}
        norms = {module: _rms_norm(module) for module in self._decoder.modules()}
        replacements |= {module: norm for module, norm in norms.items() if norm is not None}
        layers = getattr(self._decoder, "layers", None)
        last = getattr(layers[-1], "mlp", None) if layers else None
        if last is not None and any(module in replacements for module in last.modules()):  # experts are not adapted
            replacements[last] = partial(self._at_predictors, last.forward)
        return replacements

    def restore(self) -> None:
        """Give the model its own parts again."""
        self._base.config._attn_implementation = self._attention  # noqa: SLF001
        self._hook.remove()
        for module in self._replaced:
            del module.forward

    def __call__(self, rows: Sequence[TrainingRow]) -> Tensor:
        """Return the sum of the cross-entropies (nats) of all target tokens."""
        targets = torch.cat([torch.from_numpy(row.ids[row.targets.start :].astype("int64")) for row in rows])
        loss: Tensor = HeadLossFunction.apply(self._hidden(rows), self._head, targets)  # type: ignore[no-untyped-call]
        return loss

    def logits(self, rows: Sequence[TrainingRow]) -> Tensor:
        """Return the logits that the targets are predicted from, `targets x vocabulary`."""
        return self._hidden(rows) @ self._head.t()

    def _hidden(self, rows: Sequence[TrainingRow]) -> Tensor:
        """Return the input of the output layer for all targets, `targets x width`."""
        ids = [torch.from_numpy(row.ids.astype("int64")) for row in rows]
        packing = Packing(common_prefix_length(ids) if len(ids) > 1 else 0, [len(row) for row in ids])
        positions = packing.pack([torch.arange(length) for length in packing.lengths])
        self._predictors = torch.cat(
            [packing.index(number)[row.targets.start - 1 : row.targets.stop - 1] for number, row in enumerate(rows)]
        )
        with self._autocast(), using(PackedAttention(packing, self.windows)):
            hidden: Tensor = self._decoder(
                input_ids=packing.pack(ids)[None], position_ids=positions[None], use_cache=False
            ).last_hidden_state[0]
        return hidden.index_select(0, self._predictors).to(self._head.dtype)

    def _at_predictors(self, forward: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """Return the output of a layer that works token by token where targets are predicted, and 0 at the other tokens."""
        places = torch.unique(self._predictors)  # rows may predict from one token of the common prefix
        y = forward(x.index_select(1, places))
        return y.new_zeros(*x.shape[:-1], y.shape[-1]).index_copy(1, places, y)


class _JoinedLayers:
    """Adapted layers that read the same input: the first one that is called computes all of them."""

    def __init__(self, layers: Sequence[Any]) -> None:
        named = [(layer, layer.active_adapters[0]) for layer in layers]
        self._frozen = [Frozen(one.base_layer.weight, one.base_layer.bias, one.scaling[name]) for one, name in named]
        self._adapters = [one.lora_A[name].weight for one, name in named] + [
            one.lora_B[name].weight for one, name in named
        ]
        self._input: Tensor | None = None
        self._outputs: dict[int, Tensor] = {}

    def __call__(self, number: int, x: Tensor) -> Tensor:
        """Return the output of one of the layers."""
        if x is not self._input or number not in self._outputs:
            computed = LoraFunction.apply(x, self._frozen, *self._adapters)  # type: ignore[no-untyped-call]
            self._input, self._outputs = x, dict(enumerate(computed))
        output = self._outputs.pop(number)
        if not self._outputs:
            self._input = None
        return output


@torch.no_grad()
def _layers_by_input(base: nn.Module, decoder: nn.Module) -> list[list[Any]]:
    """Return the adapted linear layers of a model, those together that a first pass gives the same input."""
    layers = [
        module
        for module in base.modules()
        if isinstance(module, lora.Linear) and isinstance(module.base_layer, nn.Linear)
    ]
    inputs: dict[nn.Module, Tensor] = {}
    hooks = [layer.register_forward_pre_hook(lambda layer, x: inputs.update({layer: x[0]})) for layer in layers]
    try:
        decoder(input_ids=torch.tensor([[0, 1]]), use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
    groups: dict[Any, list[Any]] = {}
    for layer in layers:
        groups.setdefault(id(inputs[layer]) if layer in inputs else layer, []).append(layer)
    return list(groups.values())


@torch.no_grad()
def _rms_norm(module: nn.Module) -> Callable[[Tensor], Tensor] | None:
    """Return what computes the same as a module if that is a norm by the root mean square."""
    eps, weight = getattr(module, "variance_epsilon", getattr(module, "eps", None)), getattr(module, "weight", None)
    if not isinstance(eps, float) or not isinstance(weight, nn.Parameter) or weight.requires_grad:
        return None
    x = torch.linspace(-3, 4, 3 * len(weight)).view(3, -1)
    expected = module(x)
    for factor in (weight.float(), 1 + weight.float()):
        norm = partial(_norm, factor, eps)
        if torch.allclose(norm(x), expected, rtol=1e-5, atol=1e-6):
            return norm
    return None


def _norm(weight: Tensor, eps: float, x: Tensor) -> Tensor:
    y: Tensor = RmsNormFunction.apply(x, weight, eps)  # type: ignore[no-untyped-call]
    return y


def _in_float32(_module: nn.Module, _arguments: Any, embedded: Tensor) -> Tensor:
    return embedded.float()
