"""Choosing the encoder for the weights at hand: ONNX Runtime where it serves them, else torch."""

from __future__ import annotations

from pathlib import Path

from llmops_plugins.metrics.bertscore.encoder import Encoder, Weights
from llmops_plugins.metrics.bertscore.graph import UnservedError
from llmops_sdk.plugin import MissingExtraError

_INSTALL_TORCH = "pip install 'llmops-sdk[local]'"


def make_encoder(weights: Weights, layers: int, home: Path) -> Encoder:
    """Load an encoder, with ONNX Runtime where it can serve it, else with torch and transformers.

    Args:
        weights: Its files.
        layers: How many layers are used; the last of them gives the vectors.
        home: The cache of this machine.

    Raises:
        AssetError: The folder does not hold an encoder that can be loaded.
        SpecError: The encoder has not so many layers, or an architecture whose layers cannot be cut.
        MissingExtraError: What could serve it is not installed.
    """
    from llmops_plugins.metrics.bertscore.onnx import OnnxEncoder

    try:
        return OnnxEncoder(weights, layers, home)
    except UnservedError as exc:
        reason, hint = str(exc), exc.hint
    try:
        from llmops_plugins.metrics.bertscore.torch import TorchEncoder
    except ImportError as exc:
        message = (
            f"ONNX Runtime cannot serve the BERTScore encoder {weights.name!r} ({reason}), and torch and transformers, "
            f"which could, are not installed: {hint or _INSTALL_TORCH}"
        )
        raise MissingExtraError(message) from exc
    return TorchEncoder(weights.folder, layers)
