"""The engine that computes an encoder: ONNX Runtime where it supports the encoder, else torch."""

from __future__ import annotations

from pathlib import Path

from llmops_plugins.metrics.bertscore.encoder import Encoder
from llmops_plugins.metrics.bertscore.graph import UnsupportedEncoderError
from llmops_plugins.metrics.bertscore.weights import Weights
from llmops_sdk.plugin import MissingExtraError, install_hint


def load_encoder(weights: Weights, layers: int, home: Path) -> Encoder:
    """Load an encoder with ONNX Runtime where it supports it, else with torch and transformers.

    Args:
        weights: Its files.
        layers: The number of layers to use; the last of them gives the vectors.
        home: The cache of this machine.

    Raises:
        AssetError: The folder does not hold an encoder that can be loaded.
        SpecError: The encoder has fewer layers, or an architecture whose layers cannot be cut.
        MissingExtraError: No engine that supports it is installed.
    """
    from llmops_plugins.metrics.bertscore.onnx import OnnxEncoder

    try:
        return OnnxEncoder(weights, layers, home)
    except UnsupportedEncoderError as exc:
        reason, hint = str(exc), exc.hint
    try:
        from llmops_plugins.metrics.bertscore.torch import TorchEncoder
    except ImportError as exc:
        message = (
            f"ONNX Runtime does not support the BERTScore encoder {weights.name!r} ({reason}), and torch and "
            f"transformers, which do, are not installed: {hint or install_hint('local')}"
        )
        raise MissingExtraError(message) from exc
    return TorchEncoder(weights.folder, layers)
