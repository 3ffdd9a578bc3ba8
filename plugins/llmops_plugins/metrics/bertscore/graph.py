"""BERT as an ONNX graph, built from its weights without torch, for ONNX Runtime to compute.

The graph takes ids of texts of one length, and so needs neither padding nor a mask: `ids` (texts, tokens) to `hidden`
(texts, tokens, width), the output of the last layer that is kept. Attention and the GELU are ONNX Runtime's own operators
(`com.microsoft`), which compute each in one pass. Source: Devlin et al., "BERT" (2019), with the layer order of
Hugging Face's `BertModel`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_OPSET, _CONTRIBUTED_OPSET, _IR_VERSION = 17, 1, 8
_CONTRIBUTED = "com.microsoft"
# Raised when the same weights give another graph.
_RECIPE = 1

Array = npt.NDArray[Any]


class UnsupportedEncoderError(ValueError):
    """ONNX Runtime does not support this encoder; the message is the reason.

    Attributes:
        hint: What to install so that it does, or empty where nothing helps.
    """

    def __init__(self, reason: str, *, hint: str = "") -> None:
        super().__init__(reason)
        self.hint = hint


def graph_name(weights_sha256: str, layers: int) -> str:
    """Return the name of a graph's file, which differs for other weights or layers."""
    return f"encoder-{weights_sha256[:16]}-{layers}-{_RECIPE}.onnx"


def check_supported(folder: Path) -> Mapping[str, Any]:
    """Return the configuration of an encoder that can be built as a graph: a plain BERT with safetensors.

    Raises:
        UnsupportedEncoderError: It is another encoder.
    """
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    expected = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}
    for name, value in expected.items():
        if config.get(name, None if name == "model_type" else value) != value:
            message = f"its {name} is {config.get(name)!r}"
            raise UnsupportedEncoderError(message)
    for name in ("is_decoder", "pruned_heads", "quantization_config"):
        if config.get(name):
            message = f"it has {name}"
            raise UnsupportedEncoderError(message)
    if not any(folder.glob("*.safetensors")):
        message = "its weights are not safetensors"
        raise UnsupportedEncoderError(message)
    return config


def export_bert(folder: Path, layers: int, target: Path) -> None:
    """Write the graph of a BERT's first layers.

    Args:
        folder: `config.json` and `*.safetensors`.
        layers: The number of layers to keep.
        target: The file; it appears when it is complete.

    Raises:
        UnsupportedEncoderError: The weights are not those of a plain BERT.
        ImportError: onnx is not installed.
    """
    from onnx import ModelProto, TensorProto, helper

    config = check_supported(folder)
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_CONTRIBUTED, _CONTRIBUTED_OPSET)]
    model = ModelProto(ir_version=_IR_VERSION, producer_name="llmops-sdk", opset_import=opsets)
    graph = _Graph(model.graph)
    output = _bert(graph, _Weights(folder), config, layers)
    model.graph.name = "bert"
    model.graph.input.append(helper.make_tensor_value_info("ids", TensorProto.INT64, ["texts", "tokens"]))
    shape = ["texts", "tokens", int(config["hidden_size"])]
    model.graph.output.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, shape))
    _write(target, model.SerializeToString())


def _bert(graph: _Graph, weights: _Weights, config: Mapping[str, Any], layers: int) -> str:
    """Add the nodes of BERT and return the name of its output."""
    epsilon = float(config.get("layer_norm_eps", 1e-12))
    heads = int(config["num_attention_heads"])
    # All texts are of the first kind, so its vector is added to every position's once.
    places = weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
    words = graph.node("Gather", graph.constant(weights["embeddings.word_embeddings.weight"]), "ids")
    length = graph.node("Shape", "ids", start=1, end=2)
    start = graph.constant(np.zeros(1, np.int64))
    embedded = graph.node("Add", words, graph.node("Slice", graph.constant(places), start, length))
    hidden = graph.norm(embedded, weights.affine("embeddings.LayerNorm"), epsilon)
    for number in range(layers):
        layer = f"encoder.layer.{number}"
        attended = graph.attention(hidden, weights.projections(f"{layer}.attention.self"), heads)
        mixed = graph.linear(attended, weights.linear(f"{layer}.attention.output.dense"))
        mixed = graph.norm(
            graph.node("Add", mixed, hidden), weights.affine(f"{layer}.attention.output.LayerNorm"), epsilon
        )
        matrix, bias = weights.linear(f"{layer}.intermediate.dense")
        wide = graph.node("MatMul", mixed, graph.constant(matrix))
        wide = graph.node("BiasGelu", wide, graph.constant(bias), domain=_CONTRIBUTED)
        narrow = graph.linear(wide, weights.linear(f"{layer}.output.dense"))
        hidden = graph.norm(graph.node("Add", narrow, mixed), weights.affine(f"{layer}.output.LayerNorm"), epsilon)
    return graph.node("Identity", hidden, output="hidden")


class _Graph:
    """Nodes and constants as they are added; a node is known by its output's name.

    Args:
        graph: An onnx graph. It is filled in place, since a copy would hold the weights once more.
    """

    def __init__(self, graph: Any) -> None:
        self._graph = graph

    def constant(self, values: Array) -> str:
        """Add values and return their name."""
        from onnx import helper

        kind = helper.np_dtype_to_tensor_dtype(values.dtype)
        tensor = self._graph.initializer.add(name=f"c{len(self._graph.initializer)}", data_type=kind, dims=values.shape)
        tensor.raw_data = values.tobytes()
        return str(tensor.name)

    def node(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        from onnx import helper

        name = output or f"n{len(self._graph.node)}"
        self._graph.node.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def linear(self, value: str, parameters: tuple[Array, Array]) -> str:
        matrix, bias = parameters
        return self.node("Add", self.node("MatMul", value, self.constant(matrix)), self.constant(bias))

    def norm(self, value: str, parameters: tuple[Array, Array], epsilon: float) -> str:
        scale, shift = map(self.constant, parameters)
        return self.node("LayerNormalization", value, scale, shift, axis=-1, epsilon=epsilon)

    def attention(self, value: str, parameters: tuple[Array, Array], heads: int) -> str:
        matrix, bias = map(self.constant, parameters)
        return self.node("Attention", value, matrix, bias, domain=_CONTRIBUTED, num_heads=heads)


class _Weights:
    """A BERT's weights by their names, in single precision, with matrices as ONNX multiplies: (inputs, outputs)."""

    def __init__(self, folder: Path) -> None:
        self._values = dict(_read(folder))

    def __getitem__(self, name: str) -> Array:
        values = self._values.get(name, self._values.get(f"bert.{name}"))
        if values is None:
            message = f"its weights have no {name}"
            raise UnsupportedEncoderError(message)
        return values.astype(np.float32, copy=False)

    def linear(self, name: str) -> tuple[Array, Array]:
        return self[f"{name}.weight"].T, self[f"{name}.bias"]

    def affine(self, name: str) -> tuple[Array, Array]:
        return self[f"{name}.weight"], self[f"{name}.bias"]

    def projections(self, name: str) -> tuple[Array, Array]:
        """Return the parameters of query, key and value side by side, as the operator expects them."""
        matrices, biases = zip(*(self.linear(f"{name}.{kind}") for kind in ("query", "key", "value")), strict=True)
        return np.concatenate(matrices, axis=1), np.concatenate(biases)


def _read(folder: Path) -> Iterator[tuple[str, Array]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    for path in sorted(folder.glob("*.safetensors")):
        try:
            yield from load_file(path).items()
        except (SafetensorError, TypeError, KeyError, OSError) as exc:  # broken, or a type that numpy lacks (bfloat16)
            message = f"{path.name} cannot be read: {str(exc) or type(exc).__name__}"
            raise UnsupportedEncoderError(message) from exc


def _write(target: Path, content: bytes) -> None:
    """Write a file that several processes may write at a time: all of them write the same bytes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        draft.write_bytes(content)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
