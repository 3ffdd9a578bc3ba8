"""Hashes of weights: computed once, and again after any change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llmops_plugins._weights import hashes
from llmops_plugins._weights.hashes import file_hashes
from llmops_sdk.plugin import file_sha256


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """Two files."""
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "a").write_bytes(b"weights")
    (folder / "b").write_bytes(b"tokens")
    return folder


def test_unchanged_files_are_not_read_again(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights of many gigabytes are hashed once; their hashes are kept in the home folder."""
    home, files = tmp_path / "home", sorted(folder.iterdir())
    found = file_hashes(home, folder, files)
    assert {"a": file_sha256(folder / "a"), "b": file_sha256(folder / "b")} == found
    monkeypatch.setattr(hashes, "file_sha256", lambda path: pytest.fail(f"{path} is read again"))
    assert found == file_hashes(home, folder, files)


def test_a_file_changed_in_place_is_read_again(folder: Path, tmp_path: Path) -> None:
    """Even with the same name, the same size and the same time; and so is one that another file has replaced."""
    home, file = tmp_path / "home", folder / "a"
    versions = [file_hashes(home, folder, [file])["a"]]
    before = file.stat()
    file.write_bytes(b"WEIGHTS")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    versions.append(file_hashes(home, folder, [file])["a"])
    (tmp_path / "other").write_bytes(b"Weights")
    (tmp_path / "other").replace(file)
    versions.append(file_hashes(home, folder, [file])["a"])
    assert 3 == len(set(versions))
