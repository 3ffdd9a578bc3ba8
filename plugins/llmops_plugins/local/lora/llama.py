"""The LoRA loss of Llama models on a CPU, without the overhead of transformers and peft.

It is the same loss of the same parameters (a test compares values and gradients), computed so that

* rows are packed one after the other: no padding token is ever computed, and attention runs row by row;
* the common prefix of a batch (the fixed words of a prompt template) is computed once;
* projections with the same input are one matrix product, with the adapters added in place;
* norms, rotary embedding and the gated activation have backward passes that read memory few times;
* what only targets need (the last layer's feed-forward part, the output layer) is computed for targets only, and the
  gradient of the output layer is computed in the same pass, so that the logits of a batch never exist at once.

Matrix products run in the weights' own dtype, the residual stream in float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from llmops_plugins.local.lora.autograd import (
    GateFunction,
    HeadLossFunction,
    LoraFunction,
    NormFunction,
    RotaryFunction,
)
from llmops_plugins.local.lora.packing import Packing, common_prefix_length

if TYPE_CHECKING:
    from peft import PeftModel
    from torch.nn import Module
    from transformers import PreTrainedModel

    from llmops_plugins.local.lora.rows import TrainingRow


def supports(model: PreTrainedModel, *, device: str, dropout: float) -> bool:
    """Return whether `PackedLlama` computes this model's loss: a plain Llama on a CPU, with no dropout on the adapters."""
    config = model.config
    return (
        type(model).__name__ == "LlamaForCausalLM"
        and device == "cpu"
        and dropout == 0
        and config.hidden_act == "silu"
        and not (config.attention_bias or config.mlp_bias)
        and getattr(config, "pretraining_tp", 1) == 1
    )


class PackedLlama:
    """Computes the summed loss of rows from the parameters of a peft model, which it shares.

    Args:
        model: A Llama that `supports` accepts, with LoRA adapters on its seven projections.
    """

    method = "packed rows"

    def __init__(self, model: PeftModel) -> None:
        llama: Any = model.get_base_model()
        self._embedding: Tensor = llama.model.embed_tokens.weight.detach()
        self._head: Tensor = llama.lm_head.weight.detach()
        self._rotary: Module = llama.model.rotary_emb
        self._layers = [_Layer.of(layer, llama.config) for layer in llama.model.layers]
        self._norm = _Norm.of(llama.model.norm, llama.config)

    def __call__(self, rows: Sequence[TrainingRow]) -> Tensor:
        """Return the sum of the cross-entropies (nats) of all target tokens."""
        ids = [torch.from_numpy(row.ids.astype("int64")) for row in rows]
        lengths = [len(row) for row in ids]
        packing = Packing(common_prefix_length(ids) if len(ids) > 1 else 0, lengths)
        predictors = torch.cat(
            [packing.index(number)[row.targets.start - 1 : row.targets.stop - 1] for number, row in enumerate(rows)]
        )
        targets = torch.cat([row_ids[row.targets.start :] for row_ids, row in zip(ids, rows, strict=True)])
        rotation = self._rotation(packing)
        x = F.embedding(packing.pack(ids), self._embedding).float()
        for layer in self._layers[:-1]:
            x = layer(x, packing, rotation)
        x = self._layers[-1](x, packing, rotation, keep=predictors)
        return _head_loss(self._norm(x, self._head.dtype), self._head, targets)

    def _rotation(self, packing: Packing) -> tuple[Tensor, Tensor]:
        """Return cosines and sines of the rotary embedding, [tokens, 1, half a head]; positions restart in each row."""
        positions = packing.pack([torch.arange(length) for length in packing.lengths])[None]
        cos, sin = self._rotary(torch.empty(0), positions)
        half = cos.shape[-1] // 2
        return cos[0, :, None, :half].contiguous(), sin[0, :, None, :half].contiguous()


@attrs.frozen
class _Norm:
    """A root-mean-square norm with a frozen scale."""

    weight: Tensor
    epsilon: float

    @classmethod
    def of(cls, module: Any, config: Any) -> _Norm:
        return cls(module.weight.detach().float(), config.rms_norm_eps)

    def __call__(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        y: Tensor = NormFunction.apply(x, self.weight, self.epsilon)  # type: ignore[no-untyped-call]
        return y.to(dtype)


@attrs.frozen
class _Projection:
    """Linear layers with one input, as one matrix, and their adapters."""

    weight: Tensor
    downs: tuple[Tensor, ...]
    ups: tuple[Tensor, ...]
    scale: float

    @classmethod
    def of(cls, *modules: Any) -> _Projection:
        """Join peft's LoRA layers; their own weights become views of the joined one, so that no weight is stored twice."""
        weight = torch.cat([module.base_layer.weight.detach() for module in modules])
        pieces = torch.split_with_sizes(weight, [module.base_layer.weight.shape[0] for module in modules])
        for module, piece in zip(modules, pieces, strict=True):
            module.base_layer.weight.data = piece
        return cls(
            weight,
            tuple(module.lora_A["default"].weight for module in modules),
            tuple(module.lora_B["default"].weight for module in modules),
            modules[0].scaling["default"],
        )

    def __call__(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        adapters = (*self.downs, *self.ups)
        y: Tensor = LoraFunction.apply(x, residual, self.weight, self.scale, *adapters)  # type: ignore[no-untyped-call]
        return y


@attrs.frozen
class _Layer:
    """One decoder layer."""

    norm: _Norm
    qkv: _Projection
    out: _Projection
    feed_norm: _Norm
    gate_up: _Projection
    down: _Projection
    sizes: tuple[int, int, int]  # query heads, key-value heads, width of a head

    @classmethod
    def of(cls, layer: Any, config: Any) -> _Layer:
        attention, feed = layer.self_attn, layer.mlp
        return cls(
            _Norm.of(layer.input_layernorm, config),
            _Projection.of(attention.q_proj, attention.k_proj, attention.v_proj),
            _Projection.of(attention.o_proj),
            _Norm.of(layer.post_attention_layernorm, config),
            _Projection.of(feed.gate_proj, feed.up_proj),
            _Projection.of(feed.down_proj),
            (config.num_attention_heads, config.num_key_value_heads, attention.head_dim),
        )

    def __call__(
        self, x: Tensor, packing: Packing, rotation: tuple[Tensor, Tensor], keep: Tensor | None = None
    ) -> Tensor:
        dtype = self.qkv.weight.dtype
        attended = self._attend(self.qkv(self.norm(x, dtype)), packing, rotation)
        if keep is not None:  # the last layer: other tokens are needed as keys and values only
            x, attended = x.index_select(0, keep), attended.index_select(0, keep)
        x = self.out(attended, x)
        joined = self.gate_up(self.feed_norm(x, dtype))
        hidden: Tensor = GateFunction.apply(joined)  # type: ignore[no-untyped-call]
        return self.down(hidden, x)

    def _attend(self, qkv: Tensor, packing: Packing, rotation: tuple[Tensor, Tensor]) -> Tensor:
        heads, pairs, width = self.sizes
        split = qkv.view(len(qkv), heads + 2 * pairs, width)
        rotated: Tensor = RotaryFunction.apply(split, *rotation, heads + pairs)  # type: ignore[no-untyped-call]
        rows = []
        for row in packing.unpack(rotated):
            query, key, value = torch.split_with_sizes(row.transpose(0, 1)[None], [heads, pairs, pairs], 1)
            attended = F.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=heads != pairs)
            rows.append(attended[0].transpose(0, 1))
        return packing.pack(rows).view(len(qkv), heads * width)


def _head_loss(x: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    loss: Tensor = HeadLossFunction.apply(x, head, targets)  # type: ignore[no-untyped-call]
    return loss
