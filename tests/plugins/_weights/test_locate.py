from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from llmops_plugins._weights.locate import Weights, asset_version, locate, version
from llmops_sdk import AssetError
from llmops_sdk.plugin import BaseModel, Context

MakeContext = Callable[..., Context]

pytest.importorskip("transformers")


def base(source: Path | str, required: str = "") -> BaseModel:
    return BaseModel("huggingface", str(source), required)


def test_a_folder_is_used_as_it_is(make_context: MakeContext, tiny_model: Path) -> None:
    """Its version is a hash, the same each time, and can be required."""
    context = make_context()
    weights = locate(context, base(tiny_model))

    assert weights.folder == tiny_model
    assert len(weights.version) == 64
    assert version(context, base(tiny_model)) == weights.version
    assert locate(context, base(tiny_model, weights.version)) == weights
    with pytest.raises(AssetError, match=r"have version '[0-9a-f]{64}', but the pipeline asks for 'main'"):
        locate(context, base(tiny_model, "main"))


@pytest.mark.parametrize("source", ["/no/such/folder", "./nothing", "~/no-such-folder", "a/b/c"])
def test_a_path_is_never_looked_for_on_the_hub(make_context: MakeContext, source: str) -> None:
    """The error names the folder that does not exist."""
    with pytest.raises(AssetError, match=r"there is no folder '/.*' with weights"):
        locate(make_context(), base(source))


def test_an_asset_is_found_by_its_name(make_context: MakeContext, tiny_model: Path, tmp_path: Path) -> None:
    """A name without a slash is an asset; its version is the one its source reported, which is its pinned hash."""
    folder = shutil.copytree(tiny_model, tmp_path / "asset")
    (folder / "asset.json").write_text(json.dumps({"facts": {"version": "abc123"}, "files": {}}))
    context = make_context(assets={"tiny": folder})

    assert locate(context, base("tiny")) == Weights(folder, "abc123")
    with pytest.raises(AssetError, match="has no asset 'other'"):
        locate(context, base("other"))


def test_an_asset_without_a_version_has_the_hash_of_its_manifest(tmp_path: Path) -> None:
    """Other files give another version."""
    versions = set()
    for files in ({}, {"config.json": {"sha256": "a"}}, {"config.json": {"sha256": "b"}}):
        (tmp_path / "asset.json").write_text(json.dumps({"files": files}))
        versions.add(asset_version(tmp_path))
    assert 3 == len(versions)
