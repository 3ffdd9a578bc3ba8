"""A store on disk: atomic and durable writes."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from llmops_sdk.record import local_store
from llmops_sdk.record.local_store import LocalStore

if TYPE_CHECKING:
    import pytest


def test_a_durable_write_survives_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is on the disk before it is renamed, and the folders that lead to it afterwards: new ones once."""
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(handle: int) -> None:
        steps.append(f"fsync {Path(f'/dev/fd/{handle}').resolve().name.partition('.')[0]}")
        fsync(handle)

    def noted_replace(source: str, target: str) -> None:
        steps.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)

    LocalStore(tmp_path).put_durable("folder/file.json", b"1")

    assert ["fsync file", "rename", "fsync folder", f"fsync {tmp_path.name}"] == steps
    assert b"1" == LocalStore(tmp_path).get("folder/file.json")


def test_other_writes_are_atomic_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A heartbeat or a report need not wait for the disk."""
    monkeypatch.setattr(os, "fsync", None)

    LocalStore(tmp_path).put("file.json", b"1")

    assert ["file.json"] == [path.name for path in tmp_path.iterdir()]


def test_a_folder_that_was_removed_is_made_again(tmp_path: Path) -> None:
    """Another process may have cleaned up."""
    store = LocalStore(tmp_path)
    store.put("folder/a", b"1")
    shutil.rmtree(tmp_path / "folder")

    store.put("folder/a", b"2")

    assert b"2" == store.get("folder/a")


def test_a_copy_is_a_link_that_the_source_does_not_change(tmp_path: Path) -> None:
    """Copying samples into a run needs no space; a source that is replaced leaves the copy as it was."""
    store = LocalStore(tmp_path)
    store.put("a", b"1")
    store.copy("a", "b/c")
    store.copy("none", "b/d")

    assert (tmp_path / "a").samefile(tmp_path / "b" / "c")
    store.put("a", b"2")
    assert (b"1", None) == (store.get("b/c"), store.get("b/d"))


def test_threads_write_the_same_key(tmp_path: Path) -> None:
    """Two runs of one plan in one process: each has a draft of its own."""
    store = LocalStore(tmp_path)

    def write(number: int) -> None:
        for _ in range(200):
            store.put("plans/p/plan.json", str(number).encode() * 10_000)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))  # raises what a thread raised

    held = store.get("plans/p/plan.json") or b""
    assert (10_000, 1) == (len(held), len(set(held)))


def test_drafts_of_processes_that_are_gone_are_removed(tmp_path: Path) -> None:
    """That of a process that is alive stays, and one of another machine until it is a day old."""
    store = LocalStore(tmp_path)
    host = hashlib.sha256(platform.node().encode()).hexdigest()[:6]
    ended = subprocess.Popen(["true"])  # its number is free again
    ended.wait()
    names = (f"a.json.{host}-{ended.pid}.tmp", f"a.json.{host}-{os.getpid()}.tmp", "a.json.0000-1.tmp")
    for name in names:
        (tmp_path / name).touch()

    assert 1 == store.remove_drafts()
    assert sorted(names[1:]) == sorted(path.name for path in tmp_path.iterdir())
    os.utime(tmp_path / names[2], (0, 0))
    assert 1 == store.remove_drafts()


def test_folders_may_go_while_drafts_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run may be freed meanwhile, by another process or thread."""
    for name in ("a", "b"):
        (tmp_path / "runs" / name / "uses").mkdir(parents=True)
        (tmp_path / "runs" / name / "x.json.0000-1.tmp").touch()

    def free_runs(_: Path) -> bool:
        shutil.rmtree(tmp_path / "runs", ignore_errors=True)
        return True

    monkeypatch.setattr(local_store, "_is_abandoned", free_runs)

    assert 0 == LocalStore(tmp_path).remove_drafts()


def test_files_are_uploaded_one_by_one(tmp_path: Path) -> None:
    """Those of folders too; none is left half written."""
    source = tmp_path / "source"
    (source / "inner").mkdir(parents=True)
    (source / "a").write_bytes(b"1")
    (source / "inner" / "b").write_bytes(b"2" * 100_000)
    store = LocalStore(tmp_path / "store")

    store.upload(source, "runs/r")

    assert ["runs/r/a", "runs/r/inner/b"] == list(store.list("runs/"))
    assert b"2" * 100_000 == store.get("runs/r/inner/b")
    assert 0 == store.remove_drafts()
