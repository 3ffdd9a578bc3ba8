"""Files of a gate are read or refused in one line, and never half-written."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk.errors import DataError
from llmops_sdk.gate import files
from llmops_sdk.gate.files import read_text, write_text


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Folders are made; no draft is left."""
    write_text(tmp_path / "new" / "a.md", "a\nb\n")

    assert "a\nb\n" == read_text(tmp_path / "new" / "a.md", "the gate", "")
    assert ["a.md"] == [path.name for path in (tmp_path / "new").iterdir()]


def test_a_file_that_cannot_be_written_keeps_what_it_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk leaves neither half of the new file nor a draft."""
    path = tmp_path / "a.json"
    write_text(path, "old")

    def fail(_draft: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        write_text(path, "new")
    assert ("old", ["a.json"]) == (path.read_text(encoding="utf-8"), [each.name for each in tmp_path.iterdir()])


def test_unreadable_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing, a folder, not UTF-8, far too large: one line that names the file."""
    (tmp_path / "latin").write_bytes(b"\xe9")
    (tmp_path / "large").write_bytes(b"abc")
    cases = {
        "none": "there is no file '.*none' for the baseline; write one",
        "": "the baseline '.*' cannot be read: Is a directory",
        "latin": "the baseline '.*latin' is not UTF-8; write one",
        "large": "the baseline '.*large' is larger than 0 MiB; is it another file?",
    }
    for name, message in cases.items():
        with monkeypatch.context() as patch:
            patch.setattr(files, "LARGEST_FILE", 2 if name == "large" else 10_000)
            with pytest.raises(DataError, match=message):
                read_text(tmp_path / name, "the baseline", "write one")
