"""Exporting a model: the weights in another number format, and all else as it was."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402 - after the skip

from llmops_plugins.local.weights.export import export_model  # noqa: E402
from llmops_plugins.local.weights.loading import load_model, load_tokenizer  # noqa: E402


def test_the_weights_are_rounded_and_the_rest_is_copied(tiny_model: Path, tmp_path: Path) -> None:
    """The folder loads as a model in the new format, with the same chat template; a second export is the first."""
    folder = export_model(tmp_path, tiny_model, "auto")

    before, after = load_file(tiny_model / "model.safetensors"), load_file(folder / "model.safetensors")
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        assert torch.bfloat16 == after[name].dtype
        assert torch.equal(tensor.to(torch.bfloat16), after[name])
    config = json.loads((folder / "config.json").read_text())
    assert {"bfloat16"} == {config[key] for key in ("dtype", "torch_dtype") if key in config}
    assert torch.bfloat16 == load_model(folder, "bfloat16").dtype
    assert load_tokenizer(tiny_model).chat_template == load_tokenizer(folder).chat_template
    written = (folder / "model.safetensors").stat().st_mtime_ns
    assert folder == export_model(tmp_path, tiny_model, "auto")
    assert written == (folder / "model.safetensors").stat().st_mtime_ns
    assert [folder] == list((tmp_path / "exports").iterdir())


def test_another_format_is_another_folder(tiny_model: Path, tmp_path: Path) -> None:
    """And `auto` is the model's own where that has 16 bits."""
    half = export_model(tmp_path, tiny_model, "float16")
    assert {torch.float16} == {each.dtype for each in load_file(half / "model.safetensors").values()}
    assert {torch.float16} == {
        each.dtype for each in load_file(export_model(tmp_path, half, "auto") / "model.safetensors").values()
    }


def test_an_export_that_fails_leaves_nothing(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of the cache is complete or not there."""

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", fail)
    with pytest.raises(OSError, match="no space left"):
        export_model(tmp_path, tiny_model, "auto")
    assert [] == list((tmp_path / "exports").iterdir())
