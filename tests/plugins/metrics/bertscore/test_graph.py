"""Graphs of BERT encoders: what can be built as one, and what is left to torch."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmops_plugins.metrics.bertscore.graph import UnsupportedEncoderError, check_supported, export_bert


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model_type": "roberta"}, "its model_type is 'roberta'"),
        ({"hidden_act": "relu"}, "its hidden_act is 'relu'"),
        ({"position_embedding_type": "relative_key"}, "its position_embedding_type"),
        ({"is_decoder": True}, "it has is_decoder"),
        ({"quantization_config": {"load_in_8bit": True}}, "it has quantization_config"),
    ],
)
def test_only_a_plain_bert_is_supported(minilm: Path, tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    """The graph of any other encoder would differ."""
    (tmp_path / "model.safetensors").symlink_to(minilm / "model.safetensors")
    config = json.loads((minilm / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, **changes}))
    with pytest.raises(UnsupportedEncoderError, match=reason):
        check_supported(tmp_path)


def test_weights_of_another_model_are_refused(minilm: Path, tmp_path: Path) -> None:
    """No graph is written, not even a part of one."""
    from safetensors.numpy import save_file

    shutil.copy(minilm / "config.json", tmp_path)
    save_file({"something": np.zeros(3, np.float32)}, tmp_path / "model.safetensors")
    with pytest.raises(UnsupportedEncoderError, match=r"its weights have no embeddings\."):
        export_bert(tmp_path, 2, tmp_path / "graph.onnx")
    (tmp_path / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(UnsupportedEncoderError, match=r"model.safetensors cannot be read"):
        export_bert(tmp_path, 2, tmp_path / "graph.onnx")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
