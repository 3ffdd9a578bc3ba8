"""The LoRA loss of Llama models on a CPU, with the work that transformers and peft spend on top left out.

It is the same loss of the same parameters (a test compares values and gradients), computed so that

* rows are packed one after the other: no token of padding is ever computed, and attention runs row by row;
* what all rows of a batch begin with (the fixed words of a prompt template) is computed once;
* projections with the same input are one matrix product, with the adapters added in place;
* norms, rotary embedding and the gated activation have backward passes of few sweeps over memory;
* what only targets need (the last layer's feed-forward part, the output layer) is computed for targets only, and the
  gradient of the output layer is taken in the same sweep, so that the logits of a batch never exist at once.

Frozen weights get no gradients. Matrix products run in the weights' own dtype, the residual stream in float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor
from torch.autograd.function import once_differentiable

if TYPE_CHECKING:
    from peft import PeftModel
    from torch.nn import Module
    from transformers import PreTrainedModel

    from llmops_plugins.local.lora.rows import Row

# Logits of so many targets at a time stay in a CPU's cache.
_HEAD_CHUNK = 128


def fits(model: PreTrainedModel, *, device: str, dropout: float) -> bool:
    """Tell whether `PackedLlama` computes this model's loss: a plain Llama on a CPU, without dropout on the adapters."""
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
        model: A Llama for which `fits` holds, with LoRA adapters on its seven projections.
    """

    def __init__(self, model: PeftModel) -> None:
        llama: Any = model.get_base_model()
        self._embedding: Tensor = llama.model.embed_tokens.weight.detach()
        self._head: Tensor = llama.lm_head.weight.detach()
        self._rotary: Module = llama.model.rotary_emb
        self._layers = [_Layer.of(layer, llama.config) for layer in llama.model.layers]
        self._norm = _Norm.of(llama.model.norm, llama.config)

    def __call__(self, rows: Sequence[Row]) -> Tensor:
        """Return the sum of the cross-entropies (nats) of all target tokens."""
        ids = [torch.from_numpy(row.ids.astype("int64")) for row in rows]
        lengths = [len(row) for row in ids]
        packing = _Packing(_common_start(ids) if len(ids) > 1 else 0, lengths)
        predictors = torch.cat(
            [packing.places(place)[row.targets.start - 1 : row.targets.stop - 1] for place, row in enumerate(rows)]
        )
        wanted = torch.cat([row_ids[row.targets.start :] for row_ids, row in zip(ids, rows, strict=True)])
        rotation = self._rotation(packing)
        x = F.embedding(packing.pack(ids), self._embedding).float()
        for layer in self._layers[:-1]:
            x = layer(x, packing, rotation)
        x = self._layers[-1](x, packing, rotation, keep=predictors)
        return _head_loss(self._norm(x, self._head.dtype), self._head, wanted)

    def _rotation(self, packing: _Packing) -> tuple[Tensor, Tensor]:
        """Return cosines and sines of the rotary embedding, [tokens, 1, half a head]; positions begin anew in each row."""
        positions = packing.pack([torch.arange(length) for length in packing.lengths])[None]
        cos, sin = self._rotary(torch.empty(0), positions)
        half = cos.shape[-1] // 2
        return cos[0, :, None, :half].contiguous(), sin[0, :, None, :half].contiguous()


@attrs.frozen
class _Packing:
    """How the rows of a batch lie in one sequence: the first one whole, the others without their common start.

    Attributes:
        shared: Tokens that all rows begin with.
        lengths: Tokens of each row.
    """

    shared: int
    lengths: list[int]

    @property
    def sizes(self) -> list[int]:
        """The common start, then what each row has of its own."""
        return [self.shared, *(length - self.shared for length in self.lengths)]

    def pack(self, rows: list[Tensor]) -> Tensor:
        """Join per-row values along the first dimension."""
        return torch.cat([rows[0], *(row[self.shared :] for row in rows[1:])])

    def unpack(self, x: Tensor) -> list[Tensor]:
        """Return the values of each whole row."""
        start, *own = torch.split_with_sizes(x, self.sizes)
        return [torch.cat([start, rest]) for rest in own] if self.shared else own

    def places(self, row: int) -> Tensor:
        """Return where the tokens of a row lie."""
        begins = self.shared + sum(self.sizes[1 : row + 1])
        return torch.cat([torch.arange(self.shared), torch.arange(begins, begins + self.sizes[row + 1])])


@attrs.frozen
class _Norm:
    """A root-mean-square norm with a frozen scale."""

    weight: Tensor
    epsilon: float

    @classmethod
    def of(cls, module: Any, config: Any) -> _Norm:
        return cls(module.weight.detach().float(), config.rms_norm_eps)

    def __call__(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        y: Tensor = _NormFunction.apply(x, self.weight, self.epsilon)  # type: ignore[no-untyped-call]
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
        """Join peft's LoRA layers; their own weights become views of the joined one, so that none is held twice."""
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
        y: Tensor = _LoraFunction.apply(x, residual, self.weight, self.scale, *adapters)  # type: ignore[no-untyped-call]
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
        self, x: Tensor, packing: _Packing, rotation: tuple[Tensor, Tensor], keep: Tensor | None = None
    ) -> Tensor:
        dtype = self.qkv.weight.dtype
        attended = self._attend(self.qkv(self.norm(x, dtype)), packing, rotation)
        if keep is not None:  # the last layer: other tokens have served as keys and values, and are done
            x, attended = x.index_select(0, keep), attended.index_select(0, keep)
        x = self.out(attended, x)
        joined = self.gate_up(self.feed_norm(x, dtype))
        hidden: Tensor = _GateFunction.apply(joined)  # type: ignore[no-untyped-call]
        return self.down(hidden, x)

    def _attend(self, qkv: Tensor, packing: _Packing, rotation: tuple[Tensor, Tensor]) -> Tensor:
        heads, pairs, width = self.sizes
        split = qkv.view(len(qkv), heads + 2 * pairs, width)
        turned: Tensor = _RotaryFunction.apply(split, *rotation, heads + pairs)  # type: ignore[no-untyped-call]
        rows = []
        for row in packing.unpack(turned):
            query, key, value = torch.split_with_sizes(row.transpose(0, 1)[None], [heads, pairs, pairs], 1)
            attended = F.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=heads != pairs)
            rows.append(attended[0].transpose(0, 1))
        return packing.pack(rows).view(len(qkv), heads * width)


def _common_start(rows: list[Tensor]) -> int:
    """Return how many tokens all rows begin with."""
    length = min(len(row) for row in rows)
    same = torch.stack([row[:length] == rows[0][:length] for row in rows]).all(0)
    return int(same.long().cumprod(0).sum())


def _head_loss(x: Tensor, head: Tensor, wanted: Tensor) -> Tensor:
    loss: Tensor = _HeadLossFunction.apply(x, head, wanted)  # type: ignore[no-untyped-call]
    return loss


class _NormFunction(torch.autograd.Function):
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


class _LoraFunction(torch.autograd.Function):
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


class _RotaryFunction(torch.autograd.Function):
    """Turns the first heads of [tokens, heads, width] by their position; the others (the values) pass."""

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


class _GateFunction(torch.autograd.Function):
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


class _HeadLossFunction(torch.autograd.Function):
    """The summed cross-entropy of an output layer's logits, with the gradient of its input taken on the way."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, head: Tensor, wanted: Tensor) -> Tensor:
        total = torch.zeros((), dtype=torch.float64)
        wants_gradient = ctx.needs_input_grad[0]
        gradient = torch.empty_like(x) if wants_gradient else None
        for start in range(0, len(x), _HEAD_CHUNK):
            chunk = slice(start, start + _HEAD_CHUNK)
            places = wanted[chunk, None]
            logits = (x[chunk] @ head.t()).float()
            sums = torch.logsumexp(logits, dim=1, keepdim=True)
            total += (sums - logits.gather(1, places)).sum(dtype=torch.float64)
            if gradient is not None:
                slope = logits.sub_(sums).exp_()
                slope.scatter_add_(1, places, torch.full_like(sums, -1.0))
                torch.mm(slope.to(head.dtype), head, out=gradient[chunk])
        ctx.save_for_backward(gradient)
        return total.float()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * grad, None, None


def _columns(y: Tensor, ups: Sequence[Tensor]) -> Sequence[Tensor]:
    """Return the views of a joined output, one for each layer."""
    return torch.split_with_sizes(y, [len(up) for up in ups], 1)


def _rotate(x: Tensor, cos: Tensor, sin: Tensor, heads: int) -> Tensor:
    half = x.shape[-1] // 2
    result = x.clone()
    first, second = result[:, :heads, :half], result[:, :heads, half:]
    x_first, x_second = x[:, :heads, :half], x[:, :heads, half:]
    first.mul_(cos).addcmul_(x_second, sin, value=-1)
    second.mul_(cos).addcmul_(x_first, sin)
    return result
