"""An encoder computed by ONNX Runtime: no torch, no padding, one call per core."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from llmops_plugins.metrics.bertscore.encoder import Embedding, Encoder, check_layer
from llmops_plugins.metrics.bertscore.graph import UnsupportedEncoderError, check_supported, export_bert, graph_name
from llmops_plugins.metrics.bertscore.tokens import BertTokenizer
from llmops_plugins.metrics.bertscore.weights import Weights
from llmops_sdk.plugin import install_hint

# Tokens in one call: enough for fast multiplications, few enough to stay in a core's cache.
_BATCH_TOKENS = 512


class OnnxEncoder(Encoder):
    """The first layers of a BERT.

    Args:
        weights: Where the tokenizer's files are, and the hash that the graph must have been built from.
        layers: The number of layers to use.
        home: The cache of this machine; graphs are kept in it.

    Raises:
        UnsupportedEncoderError: ONNX Runtime or onnx is not installed, or does not support this encoder.
        SpecError: The encoder has fewer layers.
    """

    def __init__(self, weights: Weights, layers: int, home: Path) -> None:
        config = check_supported(weights.folder)
        if find_spec("onnxruntime") is None:
            message = "onnxruntime is not installed"
            raise UnsupportedEncoderError(message, hint=install_hint("metrics"))
        import onnxruntime

        try:
            self._tokenizer = BertTokenizer(weights.folder)
        except (OSError, ValueError) as exc:
            raise UnsupportedEncoderError(str(exc)) from exc
        check_layer(layers, int(config["num_hidden_layers"]))
        self.max_tokens = min(self._tokenizer.max_tokens, int(config.get("max_position_embeddings", 512)))
        self.engine = f"onnxruntime {version('onnxruntime')}"
        options = onnxruntime.SessionOptions()
        # Each call computes on one core, with as many calls at a time as cores: no thread waits for another.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        # The graph needs no optimization; further fusing would use a slower layer norm.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.enable_mem_pattern = False  # it would keep one for every shape
        self._session = onnxruntime.InferenceSession(
            _graph(weights, layers, home), options, providers=["CPUExecutionProvider"]
        )

    def tokens(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, self.max_tokens)

    def embed(self, texts: Iterable[str]) -> dict[str, Embedding]:
        tokens = {text: self.tokens(text) for text in texts}
        embeddings: dict[str, Embedding] = {}
        with ThreadPoolExecutor(cores()) as pool:
            for of_batch in pool.map(lambda batch: self._embed(batch, tokens), list(_batches(tokens))):
                embeddings.update(of_batch)
        return embeddings

    def _embed(self, batch: list[str], tokens: dict[str, list[int]]) -> dict[str, Embedding]:
        ids = np.array([tokens[text] for text in batch], np.int64)
        (hidden,) = self._session.run(None, {"ids": ids})
        vectors = hidden / np.linalg.norm(hidden, axis=-1, keepdims=True)
        counted = np.isin(ids, self._tokenizer.separators, invert=True)
        # Copies: a slice would keep the whole batch alive in the cache.
        return {text: Embedding(vectors[row].copy(), counted[row]) for row, text in enumerate(batch)}


def cores() -> int:
    """Return the number of cores that this process may use: all the system gives it, or fewer if OMP_NUM_THREADS is set."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return min(usable, int(limit)) if limit.isdigit() and int(limit) else usable


def _batches(tokens: dict[str, list[int]]) -> Iterator[list[str]]:
    """Yield texts of one length together, the longest first, so that the last batches are short."""
    by_length = defaultdict(list)
    for text, ids in tokens.items():
        by_length[len(ids)].append(text)
    for length in sorted(by_length, reverse=True):
        size = max(1, _BATCH_TOKENS // length)
        for start in range(0, len(by_length[length]), size):
            yield by_length[length][start : start + size]


def _graph(weights: Weights, layers: int, home: Path) -> str:
    """Return the graph's file: the one beside the weights, else the one in the cache, which is built where it is missing."""
    name = graph_name(weights.sha256(), layers)
    cached = home / "encoders" / name
    for path in (weights.folder / name, cached):
        if path.is_file():
            return str(path)
    if find_spec("onnx") is None:
        message = "onnx, which builds its graph once, is not installed"
        raise UnsupportedEncoderError(message, hint=install_hint("metrics"))
    try:
        export_bert(weights.folder, layers, cached)
    except OSError as exc:
        message = f"its graph cannot be written: {exc}"
        raise UnsupportedEncoderError(message) from exc
    return str(cached)
