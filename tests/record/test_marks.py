"""What is recorded of a file, and noticing that it is another one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llmops_sdk import LocalStore
from llmops_sdk.record.marks import FileMark, mark_data, mark_file, mark_folder
from llmops_sdk.record.stores import Store


def test_a_file_and_its_bytes_have_one_hash(tmp_path: Path) -> None:
    """Only the file has a time of change."""
    (tmp_path / "a").write_bytes(b"one")

    mark = mark_file(tmp_path / "a")

    assert mark_data(b"one") == FileMark(mark.size, mark.sha256)
    assert (tmp_path / "a").stat().st_mtime_ns == mark.modified


def test_a_folder_has_the_marks_of_its_finished_files(tmp_path: Path) -> None:
    """Drafts and the named file are left out."""
    for name in ("a", "sub/b", "c.tmp", "artifact.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")

    assert ["final/a", "final/sub/b"] == list(mark_folder(tmp_path, below="final/", without="artifact.json"))


@pytest.mark.parametrize("data", [b"", b"tw", b"twO", b"two!", None])
def test_a_store_notices_another_file(data: bytes | None, store: Store) -> None:
    """Emptied, truncated, changed, longer or removed."""
    store.put("a/b", b"two")
    mark = mark_data(b"two")
    assert store.holds("a/b", mark)

    if data is None:
        store.delete("a/b")
    else:
        store.put("a/b", data)

    assert not store.holds("a/b", mark)


def test_large_files_are_read_when_their_time_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading gigabytes of weights before each use would take long."""
    monkeypatch.setattr("llmops_sdk.record.local_store.LARGE", 1)
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    store, mark = LocalStore(tmp_path), mark_file(path)

    state = path.stat()
    path.write_bytes(b"two")
    assert not store.holds("weights", mark)

    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert store.holds("weights", mark)
    assert not store.holds("weights", mark, thorough=True)
