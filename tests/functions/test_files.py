"""The files that path options name: small ones travel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from llmops_sdk.functions import files
from llmops_sdk.functions.files import find_files, read_content

if TYPE_CHECKING:
    import pytest


def test_a_small_file_travels_with_its_content(tmp_path: Path) -> None:
    """One that is as it was is used where it is; an edited or missing one is used as it was when the plan was made."""
    path = tmp_path / "words.txt"
    path.write_bytes(b"\x00one")
    content = read_content(path)
    assert content is not None

    assert {"words": path, "limit": 3} == find_files({"words": path, "limit": 3}, {"words": content})

    path.write_bytes(b"two")
    edited = find_files({"words": path}, {"words": content})["words"]
    path.unlink()
    missing = find_files({"words": path}, {"words": content})["words"]

    assert edited == missing != path
    assert ("words.txt", b"\x00one") == (missing.name, missing.read_bytes())


def test_folders_and_large_files_stay_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read from their path."""
    monkeypatch.setattr(files, "LARGEST", 2)
    (tmp_path / "large.txt").write_text("abc", encoding="utf-8")

    assert read_content(tmp_path / "large.txt") is None
    assert read_content(tmp_path) is None
    assert read_content(tmp_path / "missing.txt") is None
