"""A model of transformers as an OpenVINO graph: its own modules, traced once, with paged attention in place of theirs.

Paged attention takes the tokens of several rows as one sequence without padding, and keeps keys and values in blocks of
positions, so it replaces attention where `RowAttention` does: what cannot be replaced there is refused here, with the same
words.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import attrs
import torch
from torch import Tensor

from llmops_plugins.local.device import usable_cores
from llmops_plugins.local.engine.attention import UnsupportedModelError, install, using
from llmops_plugins.local.engine.openvino.runtime import load_openvino, runtime

INPUTS = ("input_ids", "position_ids", "kept")
"""The graph's inputs besides those of `PagedInputs`: `1 x tokens` twice, and the tokens whose logits are computed."""

_LENGTHS = ("past_lens", "subsequence_begins", "block_indices", "block_indices_begins")
_MARK = "llmops.attention."


@torch.library.custom_op("llmops::attention", mutates_args=())
def _attention(query: Tensor, keys: Tensor, values: Tensor, layer: int) -> Tensor:  # noqa: ARG001 - for the graph
    """Stand for a layer's attention while a model is traced; the numbers have no meaning."""
    return query.new_zeros(query.shape[0], query.shape[1] // keys.shape[1] * values.shape[1])


@attrs.frozen
class _Layer:
    heads: int
    key_heads: int
    width: int
    value_width: int
    scale: float
    window: int


class _TracedAttention:
    """Notes how each layer attends, and leaves a mark in its place."""

    def __init__(self) -> None:
        self.layers: dict[int, _Layer] = {}

    def attend(
        self, layer: int, query: Tensor, keys: Tensor, values: Tensor, scale: float | None, window: int | None
    ) -> Tensor:
        """See `RowAttention.attend`."""
        # As numbers: what is computed from a shape would be a part of the graph, in every layer.
        heads, width, key_heads, value_width = map(int, (*query.shape[1::2], *values.shape[1::2]))
        self.layers[layer] = _Layer(heads, key_heads, width, value_width, scale or width**-0.5, window or 0)
        sizes = (heads * width, key_heads * width, key_heads * value_width)
        parts = zip((query, keys, values), sizes, strict=True)
        flat = [part.transpose(1, 2).reshape(-1, size) for part, size in parts]
        output: Tensor = torch.ops.llmops.attention(*flat, layer)
        return output.reshape(1, -1, heads, value_width)


def compile_model(model: Any) -> tuple[Any, dict[int, int | None]]:
    """Return a compiled model, and the window of each layer.

    Args:
        model: Of transformers, in float32, which it is computed in.

    Raises:
        Exception: OpenVINO, or this version of it, does not take the model; any kind, since it comes from its code or the
            model's.
    """
    openvino = load_openvino()
    attention = _TracedAttention()
    install(model)
    graph = _convert(model, attention)
    _insert_attention(graph, attention.layers)
    settings = {
        "INFERENCE_PRECISION_HINT": openvino.Type.f32,
        "KV_CACHE_PRECISION": openvino.Type.f32,
        "INFERENCE_NUM_THREADS": usable_cores(),
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,  # two servers on one machine would share a core and leave others idle
    }
    compiled = runtime().compile_model(graph, "CPU", settings)
    return compiled, {number: layer.window or None for number, layer in attention.layers.items()}


def _convert(model: Any, attention: _TracedAttention) -> Any:
    """Return the graph with a marked node in the place of each attention.

    The front end is called as it is: `openvino.convert_model` adds passes that compiling repeats, traces three times, and
    may report its use to OpenVINO's makers. A function is traced, not a module, and what it computes twice is removed: that
    halves the time.
    """
    import openvino
    from openvino import opset13
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch import ConversionExtension
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    def mark(context: Any) -> Any:
        node = opset13.concat([context.get_input(index) for index in range(3)], 1)
        node.set_friendly_name(f"{_MARK}{context.get_values_from_const_input(3)}")
        return node.outputs()

    def logits(input_ids: Tensor, position_ids: Tensor, kept: Tensor) -> Tensor:
        computed: Tensor = model(
            input_ids=input_ids, position_ids=position_ids, logits_to_keep=kept, use_cache=False
        ).logits
        return computed[0].float()

    model.requires_grad_(False)
    example = (torch.tensor([[5, 3, 2, 7, 1]]), torch.tensor([[0, 1, 2, 0, 1]]), torch.tensor([2, 4]))
    with torch.inference_mode(mode=False), torch.no_grad(), using(attention), _quiet():
        traced = torch.jit.trace(logits, example, check_trace=False)  # type: ignore[no-untyped-call] # torch's own
        torch._C._jit_pass_cse(traced.graph)  # noqa: SLF001 - the one way to it from Python
        decoder = TorchScriptPythonDecoder(traced)
        frontend = FrontEndManager().load_by_framework("pytorch")
        frontend.add_extension(ConversionExtension("llmops::attention", mark))
        graph = frontend.convert(frontend.load(decoder))
    for parameter, name in zip(graph.get_parameters(), INPUTS, strict=True):
        parameter.output(0).get_tensor().set_names({name})
        shape = [-1] if name == "kept" else [1, -1]
        parameter.set_partial_shape(openvino.PartialShape(shape))
        parameter.set_element_type(openvino.Type.i64)
    graph.validate_nodes_and_infer_types()
    return graph


def _insert_attention(graph: Any, layers: dict[int, _Layer]) -> None:
    import openvino
    from openvino import op, opset13

    i32, unknown = openvino.Type.i32, openvino.Type.dynamic

    def parameter(name: str, shape: list[int], kind: Any = i32) -> Any:
        node = opset13.parameter(openvino.PartialShape(shape), kind, name=name)
        node.output(0).get_tensor().set_names({name})
        return node

    def none(kind: Any, *shape: int) -> Any:
        return op.Constant(openvino.Tensor(kind, openvino.Shape(shape or [0])))

    def number(value: float, kind: Any = i32) -> Any:
        return op.Constant(kind, openvino.Shape([]), [value])

    f32 = openvino.Type.f32
    lengths = [parameter(name, [-1]) for name in _LENGTHS]
    longest = parameter("max_context_len", [])
    caches: list[Any] = []
    marked = {
        int(node.get_friendly_name()[len(_MARK) :]): node
        for node in graph.get_ops()
        if node.get_friendly_name().startswith(_MARK)
    }
    if set(marked) != set(layers):
        message = "attention that is lost in the graph"
        raise UnsupportedModelError(message)
    for index, layer in layers.items():
        keys = parameter(f"key_cache.{index}", [-1, layer.key_heads, -1, layer.width], unknown)
        values = parameter(f"value_cache.{index}", [-1, layer.key_heads, -1, layer.value_width], unknown)
        caches += [keys, values]
        inputs = [
            *marked[index].input_values(), keys, values, *lengths,
            number(layer.scale, f32), number(layer.window), none(f32), longest,
            none(i32),                                                 # which attention scores to return
            none(i32), none(i32), none(f32),                           # rotation of evicted blocks
            none(f32), number(0), number(0),                           # sparse attention
            none(f32, 0, 0, 0, 0),                                     # sinks
            number(0), none(i32), none(i32), none(i32),                # diversity of blocks
            none(i32), none(openvino.Type.u8), none(i32),              # images, trees of tokens
        ]  # fmt: skip
        outputs = [node if isinstance(node, openvino.Output) else node.output(0) for node in inputs]
        attention = op._PagedAttentionExtension(outputs)  # noqa: SLF001 - the one way to it from Python
        sizes = {
            "num_k_heads": layer.key_heads, "k_head_size": layer.width,
            "num_v_heads": layer.key_heads, "v_head_size": layer.value_width,
        }  # fmt: skip
        for name, size in sizes.items():
            attention.get_rt_info()[name] = size
        for target in marked[index].output(0).get_target_inputs():
            target.replace_source_output(attention.output(0))
    graph.add_parameters([*lengths, longest, *caches])
    graph.validate_nodes_and_infer_types()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hide the warnings of tracing: the result is compared with the plain model instead."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
