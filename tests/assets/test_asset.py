"""Assets: fetched once, found again, verified, and replaced if they are damaged."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_sdk import AssetError, Progress
from llmops_sdk.assets.asset import find_asset, get_asset, verify_asset
from llmops_sdk.plugin import AssetSource, FolderSource

from .words import WORDS, WORDS_SHA256, RecordingProgress, from_folder, words, words_folder


class Refusing(AssetSource):
    """A source that fails after it has written a file."""

    label = "the remote store"
    needs_network = True

    def fetch(self, folder: Path, *, home: Path, progress: Progress) -> Mapping[str, str]:
        (folder / "half").write_text("half")
        message = "it is closed"
        raise AssetError(message)


def test_an_asset_is_fetched_once(tmp_path: Path) -> None:
    """The manifest records the source and every file; afterwards the asset is found without its source."""
    home, machine = tmp_path / "home", words_folder(tmp_path)
    asset = words(from_folder(tmp_path / "absent", machine))
    assert find_asset(asset, home) is None
    assert verify_asset(asset, home) == ("it is not on this machine",)

    folder = get_asset(asset, home, progress=Progress())

    assert folder == home / "assets" / "words"
    assert (folder / "words.txt").read_bytes() == WORDS
    assert (folder / "extra" / "more.txt").read_bytes() == b"more"
    manifest = json.loads((folder / "asset.json").read_text())
    assert manifest["source"] == "the machine's folders"
    assert manifest["facts"] == {"folder": str(machine)}
    assert manifest["files"]["words.txt"] == {"size": len(WORDS), "sha256": WORDS_SHA256}
    assert set(manifest["files"]) == {"words.txt", "extra/more.txt"}
    assert find_asset(asset, home) == folder
    assert verify_asset(asset, home) == ()
    shutil.rmtree(machine)
    assert get_asset(asset, home, progress=Progress()) == folder


def test_a_copied_assets_folder_is_complete(tmp_path: Path) -> None:
    """Copying the folder of assets to another home is enough to have them there."""
    asset = words(from_folder(words_folder(tmp_path)))
    get_asset(asset, tmp_path / "home", progress=Progress())
    shutil.copytree(tmp_path / "home" / "assets", tmp_path / "other" / "assets")

    assert get_asset(words(), tmp_path / "other", progress=Progress()) == tmp_path / "other" / "assets" / "words"


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda folder: (folder / "words.txt").unlink(), "'words.txt' is missing"),
        (lambda folder: (folder / "words.txt").write_bytes(b"x"), f"'words.txt' has 1 bytes, not {len(WORDS)}"),
        (lambda folder: (folder / "asset.json").unlink(), "has no readable asset.json"),
        (lambda folder: (folder / "asset.json").write_text("{"), "has no readable asset.json"),
    ],
)
def test_a_damaged_asset_is_fetched_again(tmp_path: Path, damage: Any, problem: str) -> None:
    """A folder that does not match its manifest is not used but replaced."""
    home = tmp_path / "home"
    asset = words(from_folder(words_folder(tmp_path)))
    damage(get_asset(asset, home, progress=Progress()))

    assert find_asset(asset, home) is None
    assert problem in verify_asset(asset, home)[0]
    folder = get_asset(asset, home, progress=Progress())
    assert (folder / "words.txt").read_bytes() == WORDS


def test_verify_asset_reads_the_files(tmp_path: Path) -> None:
    """A changed file of the same size is found by its hash only."""
    asset = words(from_folder(words_folder(tmp_path)))
    folder = get_asset(asset, tmp_path / "home", progress=Progress())
    (folder / "words.txt").write_bytes(WORDS.swapcase())

    assert find_asset(asset, tmp_path / "home") == folder
    assert verify_asset(asset, tmp_path / "home") == (
        "'words.txt' is not the file that was fetched: its SHA-256 differs",
    )


def test_an_asset_with_an_old_pinned_hash_is_fetched_again(tmp_path: Path) -> None:
    """An asset that was fetched for another pinned hash is not used."""
    home = tmp_path / "home"
    asset = words(from_folder(words_folder(tmp_path)))
    get_asset(asset, home, progress=Progress())
    newer = attrs.evolve(asset, files={"words.txt": hashlib.sha256(WORDS * 2).hexdigest()})

    assert verify_asset(newer, home) == (
        "'words.txt' is a different version from the one that this release of the SDK uses",
    )
    words_folder(tmp_path, WORDS * 2)
    assert (get_asset(newer, home, progress=Progress()) / "words.txt").read_bytes() == WORDS * 2


def test_sources_are_tried_in_order(tmp_path: Path) -> None:
    """The first source with the pinned file is used; one with another version is skipped."""
    other = FolderSource("an old copy", (words_folder(tmp_path / "old", b"old"),), {"words.txt": "corpora/words.txt"})
    asset = words(Refusing(), other, from_folder(words_folder(tmp_path)))

    folder = get_asset(asset, tmp_path / "home", progress=Progress())

    assert json.loads((folder / "asset.json").read_text())["source"] == "the machine's folders"
    assert not (folder / "half").exists()


def test_an_asset_without_a_usable_source_reports_every_reason(tmp_path: Path) -> None:
    """One line has the reason of each source and what to do, and nothing is left behind."""
    old = FolderSource("an old copy", (words_folder(tmp_path, b"old"),), {"words.txt": "corpora/words.txt"})
    incomplete = FolderSource("an incomplete copy", (tmp_path / "machine",), {"other.txt": "corpora/words.txt"})
    asset = words(Refusing(), from_folder(tmp_path / "absent"), old, incomplete)
    home = tmp_path / "home"

    with pytest.raises(AssetError) as caught:
        get_asset(asset, home, progress=Progress())

    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(
        "the asset 'words' is not available (the remote store: it is closed; the machine's folders: "
    )
    assert f"not found; searched '{tmp_path / 'absent'}'" in message
    assert "an old copy: its 'words.txt' is a different version: SHA-256" in message
    assert "an incomplete copy: it has no 'words.txt'" in message
    assert message.endswith(f"run 'llmops assets get words', and copy '{home / 'assets' / 'words'}' to this machine")
    assert [path.name for path in (home / "assets").iterdir()] == [".words.lock"]


def test_an_offline_run_skips_sources_that_need_a_network(tmp_path: Path) -> None:
    """The other sources are still used."""
    with pytest.raises(AssetError, match="the remote store: needs a network, and the run is offline"):
        get_asset(words(Refusing()), tmp_path / "home", progress=Progress(), offline=True)
    asset = words(Refusing(), from_folder(words_folder(tmp_path)))
    assert get_asset(asset, tmp_path / "home", progress=Progress(), offline=True).is_dir()


def test_fetched_files_are_converted_before_they_are_checked(tmp_path: Path) -> None:
    """The files that the asset names may be made from those that a source has."""

    def convert(folder: Path) -> None:
        (folder / "count").write_text(str(len((folder / "words.txt").read_bytes())))
        (folder / "words.txt").unlink()

    asset = words(from_folder(words_folder(tmp_path)), files={"count": ""}, convert=convert)
    progress = RecordingProgress()

    folder = get_asset(asset, tmp_path / "home", progress=progress)

    assert (folder / "count").read_text() == str(len(WORDS))
    assert verify_asset(asset, tmp_path / "home") == ()
    assert ("converting words", None, "") in progress.tasks


def test_a_home_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    """The message names the folder and the variable that changes it."""
    (tmp_path / "home").write_text("a file")
    with pytest.raises(AssetError, match=r"the asset 'words' cannot be stored in '.*home': .*set LLMOPS_HOME"):
        get_asset(words(from_folder(words_folder(tmp_path))), tmp_path / "home", progress=Progress())


class Counting(AssetSource):
    """Leaves a file for every fetch, and takes until another process waits for it."""

    label = "a slow store"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fetch(self, folder: Path, *, home: Path, progress: Progress) -> Mapping[str, str]:
        (self.folder / f"fetch-{os.getpid()}").touch()
        deadline = threading.Event()
        for _ in range(200):
            if (self.folder / "waiting").exists():
                break
            deadline.wait(0.05)
        (folder / "words.txt").write_bytes(WORDS)
        return {}


class Marking(Progress):
    """Leaves a file when a process starts to wait."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def log(self, text: str) -> None:
        assert text == "waiting for another process that downloads the asset 'words'"
        (self.folder / "waiting").touch()


def test_of_two_processes_one_fetches_and_the_other_waits(tmp_path: Path) -> None:
    """The one that waits then finds the asset."""
    asset = words(Counting(tmp_path))
    context = multiprocessing.get_context("fork")

    def fetch() -> None:
        get_asset(asset, tmp_path / "home", progress=Marking(tmp_path))

    processes = [context.Process(target=fetch) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)

    assert [process.exitcode for process in processes] == [0, 0]
    assert len(list(tmp_path.glob("fetch-*"))) == 1
    assert (tmp_path / "waiting").exists()
    assert verify_asset(asset, tmp_path / "home") == ()
