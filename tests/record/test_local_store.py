"""A store on disk: atomic and durable writes."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from llmops_sdk.record import local_store
from llmops_sdk.record.local_store import LocalStore


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

    assert ["fsync file", "rename"] == steps[:2]
    assert {"fsync folder", f"fsync {tmp_path.name}"} == set(steps[2:])
    assert b"1" == LocalStore(tmp_path).get("folder/file.json")


def test_files_are_on_the_disk_before_the_file_that_promises_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that were announced, and their folders, are flushed with the next durable file; later ones are not again."""
    store = LocalStore(tmp_path)
    for name in ("a", "final/b"):
        store.put(f"kind/1f/{name}", b"1")
    store.put_durable("kind/0e/value.json", b"1")
    flushed, renamed = note_flushes(monkeypatch)

    store.make_durable("kind/1f", ["a", "final/b"])
    store.put_durable("kind/1f/value.json", b"1")
    store.put_durable("kind/1f/value.json", b"2")

    assert {"a", "b", "final", "value"} == set(flushed[: renamed[0]])
    assert {"1f", "kind"} == set(flushed[renamed[0] : renamed[1] - 1])
    assert ["value", "1f"] == flushed[renamed[1] - 1 :]


def test_what_cannot_be_flushed_is_not_promised(tmp_path: Path) -> None:
    """The file does not get its name."""
    store = LocalStore(tmp_path)
    store.make_durable("kind/1f", ["gone", "gone, too"])

    with pytest.raises(FileNotFoundError, match="gone"):
        store.put_durable("kind/1f/value.json", b"1")

    assert store.get("kind/1f/value.json") is None


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # it is what is tested
def test_a_forked_process_flushes_too(tmp_path: Path) -> None:
    """It has none of the threads of its parent."""
    store = LocalStore(tmp_path)
    store.put_durable("kind/1f/value.json", b"1")
    child = os.fork()
    if child == 0:
        store.put_durable("other/2e/value.json", b"2")
        os._exit(0)

    assert (child, 0) == os.waitpid(child, 0)
    assert b"2" == store.get("other/2e/value.json")


def note_flushes(monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[int]]:
    """Return what is flushed from now on, and how many were before each rename."""
    flushed: list[str] = []
    renamed: list[int] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(handle: int) -> None:
        name = Path(f"/dev/fd/{handle}").resolve().name.partition(".")[0]
        fsync(handle)
        flushed.append(name)

    def noted_replace(source: str, target: str) -> None:
        replace(source, target)
        renamed.append(len(flushed))

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    return flushed, renamed


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
