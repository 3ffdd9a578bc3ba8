"""The commands `assets` and `doctor`."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk.plugin import Asset, FolderSource, hookimpl
from llmops_sdk.plugin.registry import Registry

from .conftest import Command


class Words:
    """A plugin with an asset that is copied from a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @hookimpl
    def llmops_assets(self) -> tuple[Asset, ...]:
        """Return the asset."""
        source = FolderSource("a folder", (self.folder,), {"words.txt": "words.txt"})
        return (Asset("words", "a list of words", 5, {"words.txt": ""}, (source,)),)


@pytest.fixture(name="words")
def _words(tmp_path: Path, registry: Registry) -> Path:
    """The folder of the asset `words`."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    (folder / "words.txt").write_text("words", encoding="utf-8")
    registry.add("words", Words(folder))
    return folder


def test_assets_are_downloaded_and_verified(llmops: Command, words: Path, home: Path) -> None:  # noqa: ARG001 - the asset's source
    """`list` shows which are downloaded, and `verify` what is wrong with one."""
    assert "no" in _row(llmops("assets", "list").out, "words")
    assert "words: " in llmops("assets", "get", "words").err
    assert "yes" in _row(llmops("assets", "list").out, "words")
    assert "words: ok\n" == llmops("assets", "verify", "words").out

    (home / "assets" / "words" / "words.txt").write_text("cut", encoding="utf-8")
    assert "words: 'words.txt' has 3 bytes, not 5" in llmops("assets", "verify", "words", code=2).out


def test_a_failed_download_does_not_stop_the_others(llmops: Command, words: Path) -> None:
    """The error is the last line, and the exit code is 2."""
    (words / "words.txt").unlink()

    done = llmops("assets", "get", "words", code=2)

    assert "words: failed" in done.err
    assert done.err.splitlines()[-1].startswith("error: ")


def test_doctor_checks_and_changes_nothing(llmops: Command, words: Path, home: Path) -> None:  # noqa: ARG001 - the asset's source
    """Each check is an entry with its status; a missing asset comes with the command that downloads it."""
    done = llmops("doctor")

    assert "ok plugin testing: " in done.text
    assert "warning asset words: " in done.text
    assert "fix: llmops assets get words" in done.text
    assert not home.exists()


def test_doctor_fails_for_an_offline_run_that_lacks_an_asset(llmops: Command, words: Path) -> None:  # noqa: ARG001 - the asset's source
    """An offline run could not download it."""
    assert "error asset words: " in llmops("doctor", "--offline", code=2).text


def test_doctor_checks_what_a_pipeline_needs(llmops: Command, words: Path) -> None:  # noqa: ARG001 - the asset's source
    """Assets that it does not need are not checked."""
    done = llmops("doctor", "--for", "echoes.yaml")

    assert "plugin testing" in done.out
    assert "asset words" not in done.text


def _row(table: str, name: str) -> list[str]:
    return next(line.split() for line in table.splitlines() if line.startswith(name))
