"""The engine of an encoder: ONNX Runtime where it supports the encoder, else torch."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from llmops_plugins.metrics.bertscore.engine import load_encoder
from llmops_plugins.metrics.bertscore.weights import Weights
from llmops_sdk import AssetError, MissingExtraError, SpecError


@pytest.mark.parametrize("missing", ["onnxruntime", "onnx"])
def test_without_onnx_runtime_torch_computes(
    minilm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """Where onnxruntime or onnx is missing."""
    monkeypatch.setattr(
        "llmops_plugins.metrics.bertscore.onnx.find_spec", lambda name: None if name == missing else find_spec(name)
    )

    assert load_encoder(Weights("minilm", minilm), 2, tmp_path).engine.startswith("torch ")


@pytest.mark.parametrize(
    ("changes", "missing", "message"),
    [
        ({}, ("onnxruntime", "onnx"), r"\(onnxruntime is not installed\).*pip install .*\[metrics\]'"),
        ({}, ("onnx",), r"\(onnx, which builds its graph once, is not .*pip install .*\[metrics\]'"),
        (
            {"model_type": "roberta"},
            ("onnxruntime",),
            r"\(its model_type is 'roberta'\).*pip install .*\[local\]'",
        ),
    ],
)
def test_without_both_the_extra_is_named(
    minilm: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str],
    missing: Sequence[str],
    message: str,
) -> None:
    """The extra that helps, with the reason why ONNX Runtime is not used: it is missing, or does not support the encoder."""
    monkeypatch.setattr(
        "llmops_plugins.metrics.bertscore.onnx.find_spec", lambda name: None if name in missing else find_spec(name)
    )
    monkeypatch.setitem(sys.modules, "llmops_plugins.metrics.bertscore.torch", None)
    for file in minilm.iterdir():
        if file.suffix != ".onnx":
            (tmp_path / file.name).symlink_to(file)
    config = json.loads((minilm / "config.json").read_text())
    (tmp_path / "config.json").unlink()
    (tmp_path / "config.json").write_text(json.dumps({**config, **changes}))
    with pytest.raises(MissingExtraError, match=message):
        load_encoder(Weights("encoder", tmp_path), 6, tmp_path / "home")


def test_a_cache_that_cannot_be_written_leaves_the_encoder_to_torch(minilm: Path, tmp_path: Path) -> None:
    """Here a file has the name of the folder of graphs."""
    (tmp_path / "encoders").write_text("")

    assert load_encoder(Weights("minilm", minilm), 3, tmp_path).engine.startswith("torch ")


def test_a_layer_that_the_encoder_lacks_is_refused(minilm: Path, tmp_path: Path) -> None:
    """The message has the layers that it has."""
    with pytest.raises(SpecError, match=r"bertscore_layers=7 is not a layer of this encoder; it has 1 to 6"):
        load_encoder(Weights("minilm", minilm), 7, tmp_path)


def test_broken_weights_are_an_error_with_the_folder(tmp_path: Path) -> None:
    """Torch's reason is part of the message."""
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(AssetError, match=r"the BERTScore encoder in .* cannot be loaded"):
        load_encoder(Weights("broken", tmp_path), 1, tmp_path / "home")
