"""Assets whose files come from a model on the hub."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_plugins._hub.source import HubSource
from llmops_sdk import AssetError, Progress

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of Hugging Face's with the model `some/encoder`."""
    pytest.importorskip("huggingface_hub", reason="the hub is reached through its library")
    model = tmp_path / "hub" / "models--some--encoder"
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text(COMMIT)
    (model / "snapshots" / COMMIT / "onnx").mkdir(parents=True)
    for name in ("config.json", "model.safetensors", "onnx/config.json"):
        (model / "snapshots" / COMMIT / name).write_text("{}")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.mark.usefixtures("cached")
def test_files_are_copied_from_the_cache(tmp_path: Path) -> None:
    """Without a network; the commit is recorded."""
    source = HubSource("some/encoder", ("config.json",), cached=True)
    metadata = source.fetch(tmp_path, home=tmp_path, progress=Progress())

    assert not source.needs_network
    assert metadata == {"repository": "some/encoder", "version": COMMIT}
    assert ["config.json"] == [path.name for path in tmp_path.iterdir() if path.is_file()]


@pytest.mark.usefixtures("cached")
def test_by_default_every_file_of_the_top_folder_is_copied(tmp_path: Path) -> None:
    """Folders below it are not."""
    HubSource("some/encoder", cached=True).fetch(tmp_path, home=tmp_path, progress=Progress())

    assert ["config.json", "model.safetensors"] == sorted(path.name for path in tmp_path.iterdir() if path.is_file())


@pytest.mark.usefixtures("cached")
def test_a_missing_file_or_model_is_an_error(tmp_path: Path) -> None:
    """The message names it."""
    with pytest.raises(AssetError, match=r"the model 'some/encoder' has no file 'vocab.txt'"):
        HubSource("some/encoder", ("vocab.txt",), cached=True).fetch(tmp_path, home=tmp_path, progress=Progress())
    with pytest.raises(AssetError, match=r"the model 'no/such' is not in the Hugging Face cache"):
        HubSource("no/such", ("config.json",), cached=True).fetch(tmp_path, home=tmp_path, progress=Progress())
