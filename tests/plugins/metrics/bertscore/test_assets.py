"""MiniLM as an asset, with its graph for ONNX Runtime."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from llmops_plugins.metrics.bertscore import assets
from llmops_plugins.metrics.bertscore.assets import MINILM_WEIGHTS, export_minilm, minilm_asset
from llmops_sdk import AssetError
from llmops_sdk.assets.asset import verify_asset


def test_the_asset_is_complete(asset: Callable[[str], Path]) -> None:
    """Fetched for real, it has every file with its pinned hash, and about the stated size."""
    expected = minilm_asset()
    folder = asset(expected.name)

    assert verify_asset(expected, folder.parent.parent) == ()
    assert expected.size == pytest.approx(sum(path.stat().st_size for path in folder.rglob("*")), rel=0.2)


def test_the_graph_is_built_beside_the_weights(asset: Callable[[str], Path], tmp_path: Path) -> None:
    """Its name has the start of the weights' hash and the number of layers."""
    for name in ("config.json", MINILM_WEIGHTS):
        shutil.copy(asset("minilm") / name, tmp_path)
    export_minilm(tmp_path)

    assert ["encoder-53aa51172d142c89-6-1.onnx"] == [path.name for path in tmp_path.glob("*.onnx")]


def test_weights_of_another_model_are_refused(asset: Callable[[str], Path], tmp_path: Path) -> None:
    """The asset is then not complete."""
    shutil.copy(asset("minilm") / "config.json", tmp_path)
    (tmp_path / MINILM_WEIGHTS).write_bytes(b"broken")
    with pytest.raises(AssetError, match=r"no graph can be built: model.safetensors cannot be read"):
        export_minilm(tmp_path)


def test_without_onnx_no_graph_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The asset is complete without it: torch can compute BERTScore."""
    monkeypatch.setattr(assets, "find_spec", lambda name: None if name == "onnx" else find_spec(name))
    export_minilm(tmp_path)

    assert [] == list(tmp_path.iterdir())
