"""An encoder computed by ONNX Runtime: no torch, no padding, and every core at work."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from llmops_plugins.metrics.bertscore.encoder import Embedding, Encoder, Weights, check_layers
from llmops_plugins.metrics.bertscore.graph import UnservedError, check_served, export_bert, graph_name
from llmops_plugins.metrics.bertscore.tokens import BertTokenizer

# Tokens in one call: enough for the multiplications to be as fast as they get, few enough to stay in a core's cache.
_BATCH_TOKENS = 512
_INSTALL = "pip install 'llmops-sdk[metrics]'"


class OnnxEncoder(Encoder):
    """The first layers of a BERT.

    Args:
        weights: Where the tokenizer's files are, and the hash that the graph must have been built from.
        layers: How many layers are used.
        home: The cache of this machine; graphs are kept in it.

    Raises:
        UnservedError: ONNX Runtime cannot serve this encoder here.
        SpecError: The encoder has not so many layers.
    """

    def __init__(self, weights: Weights, layers: int, home: Path) -> None:
        config = check_served(weights.folder)
        if find_spec("onnxruntime") is None:
            message = "onnxruntime is not installed"
            raise UnservedError(message, hint=_INSTALL)
        import onnxruntime

        try:
            self._tokenizer = BertTokenizer(weights.folder)
        except (OSError, ValueError) as exc:
            raise UnservedError(str(exc)) from exc
        check_layers(layers, int(config["num_hidden_layers"]))
        self.max_tokens = min(self._tokenizer.max_tokens, int(config.get("max_position_embeddings", 512)))
        self.engine = f"onnxruntime {version('onnxruntime')}"
        options = onnxruntime.SessionOptions()
        # Each call computes on one core, and there are as many calls at a time as cores: nobody waits for anybody.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        # The graph is as it should be; further fusing takes a slower layer norm.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.enable_mem_pattern = False  # one for every shape that comes
        self._session = onnxruntime.InferenceSession(
            _graph(weights, layers, home), options, providers=["CPUExecutionProvider"]
        )

    def tokens(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, self.max_tokens)

    def embed(self, texts: Iterable[str]) -> dict[str, Embedding]:
        tokens = {text: self.tokens(text) for text in texts}
        found: dict[str, Embedding] = {}
        with ThreadPoolExecutor(cores()) as pool:
            for embeddings in pool.map(lambda batch: self._embed(batch, tokens), list(_batches(tokens))):
                found.update(embeddings)
        return found

    def _embed(self, batch: list[str], tokens: dict[str, list[int]]) -> dict[str, Embedding]:
        ids = np.array([tokens[text] for text in batch], np.int64)
        (hidden,) = self._session.run(None, {"ids": ids})
        vectors = hidden / np.linalg.norm(hidden, axis=-1, keepdims=True)
        counted = np.isin(ids, self._tokenizer.separators, invert=True)
        # Copies: a slice would keep the whole batch alive in the cache.
        return {text: Embedding(vectors[row].copy(), counted[row]) for row, text in enumerate(batch)}


def cores() -> int:
    """Return how many cores this process may use: those the system gives it, or fewer where OMP_NUM_THREADS says so."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(usable, int(asked)) if asked.isdigit() and int(asked) else usable


def _batches(tokens: dict[str, list[int]]) -> Iterator[list[str]]:
    """Yield texts of one length together, the long ones first: what is left for the end is short."""
    by_length = defaultdict(list)
    for text, ids in tokens.items():
        by_length[len(ids)].append(text)
    for length in sorted(by_length, reverse=True):
        size = max(1, _BATCH_TOKENS // length)
        for start in range(0, len(by_length[length]), size):
            yield by_length[length][start : start + size]


def _graph(weights: Weights, layers: int, home: Path) -> str:
    """Return the graph's file: the one beside the weights, else the one of the cache, built where it is missing."""
    name = graph_name(weights.sha256(), layers)
    kept = home / "encoders" / name
    for path in (weights.folder / name, kept):
        if path.is_file():
            return str(path)
    if find_spec("onnx") is None:
        message = "onnx, which builds its graph once, is not installed"
        raise UnservedError(message, hint=_INSTALL)
    try:
        export_bert(weights.folder, layers, kept)
    except OSError as exc:
        message = f"its graph cannot be kept: {exc}"
        raise UnservedError(message) from exc
    return str(kept)
