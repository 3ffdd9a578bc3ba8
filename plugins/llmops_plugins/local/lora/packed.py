"""The LoRA loss of rows that are packed one after the other, through transformers' own modules.

It is the same loss of the same parameters as that of padded batches (a test compares values and gradients), computed so that

* no padding token is ever computed: attention, which can be replaced by name, runs row by row, and everything else in a
  layer works token by token;
* the common prefix of a batch (the fixed words of a prompt template) is computed once;
* an adapted layer is one autograd function, and the output layer is computed at the targets only.

Matrix products run in the weights' own dtype, the residual stream in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import torch
from peft.tuners import lora
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from llmops_plugins.local.engine.attention import install, using
from llmops_plugins.local.lora.autograd import HeadLossFunction, LoraFunction
from llmops_plugins.local.lora.model import decoder
from llmops_plugins.local.lora.packing import Packing, common_prefix_length

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from peft import PeftModel

    from llmops_plugins.local.lora.rows import TrainingRow


class PackedLoss:
    """Computes the summed loss of rows on a CPU, from the parameters of a peft model without dropout on its adapters.

    The model's attention and its adapted layers are replaced until `restore`.

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
        self._attention = self._base.config._attn_implementation  # noqa: SLF001 - there is no public getter
        install(self._base)
        self._hook = self._base.get_input_embeddings().register_forward_hook(_in_float32)
        self._adapted = [
            layer
            for layer in self._base.modules()
            if isinstance(layer, lora.Linear) and isinstance(layer.base_layer, nn.Linear)
        ]
        for layer in self._adapted:
            layer.forward = partial(_forward, layer)

    def restore(self) -> None:
        """Give the model its own attention and layers again."""
        self._base.config._attn_implementation = self._attention  # noqa: SLF001
        self._hook.remove()
        for layer in self._adapted:
            del layer.forward

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
        predictors = torch.cat(
            [packing.index(number)[row.targets.start - 1 : row.targets.stop - 1] for number, row in enumerate(rows)]
        )
        with self._autocast(), using(_PackedAttention(packing, self.windows)):
            hidden: Tensor = self._decoder(
                input_ids=packing.pack(ids)[None], position_ids=positions[None], use_cache=False
            ).last_hidden_state[0]
        return hidden.index_select(0, predictors).to(self._head.dtype)


@attrs.frozen
class _PackedAttention:
    """Attention of packed rows, row by row; see `RowAttention`."""

    packing: Packing
    windows: dict[int, int | None]

    def attend(
        self, layer: int, query: Tensor, keys: Tensor, values: Tensor, scale: float | None, window: int | None
    ) -> Tensor:
        """See `RowAttention.attend`."""
        self.windows[layer] = window
        parts = (self.packing.unpack(part[0].transpose(0, 1)) for part in (query, keys, values))
        rows = []
        for row in zip(*parts, strict=True):
            q, k, v = (part.transpose(0, 1)[None] for part in row)
            mask = _window_mask(q.shape[2], window)
            attended = scaled_dot_product_attention(
                q, k, v, attn_mask=mask, is_causal=mask is None, scale=scale, enable_gqa=q.shape[1] != k.shape[1]
            )
            rows.append(attended[0].transpose(0, 1))
        return self.packing.pack(rows)[None]


def _window_mask(length: int, window: int | None) -> Tensor | None:
    """Return which positions each token attends to, `length x length`; None if it is all up to its own."""
    if window is None or length <= window:
        return None
    positions = torch.arange(length)
    return (positions <= positions[:, None]) & (positions > positions[:, None] - window)


def _forward(layer: Any, x: Tensor) -> Tensor:
    base, name = layer.base_layer, layer.active_adapters[0]
    down, up = layer.lora_A[name].weight, layer.lora_B[name].weight
    y: Tensor = LoraFunction.apply(x, base.weight, base.bias, down, up, layer.scaling[name])  # type: ignore[no-untyped-call]
    return y


def _in_float32(_module: nn.Module, _arguments: Any, embedded: Tensor) -> Tensor:
    return embedded.float()
