"""Stores: atomic puts, journals that survive a kill, and the same behaviour without append."""

from __future__ import annotations

import contextlib
from pathlib import Path

from llmops_sdk.record.local_store import LocalStore
from llmops_sdk.record.stores import SEGMENT_RECORDS, Store


def test_put_get_list_delete(store: Store) -> None:
    """Data is read back, keys are listed by prefix in order, and gone after a delete."""
    for key in ("a/2", "a/1", "ab", "b/1"):
        store.put(key, key.encode())
    store.put("a/1", b"new")

    assert b"new" == store.get("a/1")
    assert store.get("a") is None
    assert store.get("none/such") is None
    assert ["a/1", "a/2"] == list(store.list("a/"))
    assert ["a/1", "a/2", "ab"] == list(store.list("a"))
    store.delete("a/")
    assert ["ab", "b/1"] == list(store.list(""))


def test_journals_are_read_in_order(store: Store) -> None:
    """All lines of several attempts, in the order of the attempts' names."""
    lines = [f"{number}\n".encode() for number in range(SEGMENT_RECORDS + 5)]
    for name, part in (("1", lines[:70]), ("2", lines[70:])):
        with store.journal("j", name) as journal:
            for line in part:
                journal.write(line)

    assert lines == list(store.read_lines("j"))


def test_a_truncated_last_line_is_skipped(tmp_path: Path) -> None:
    """The part of a line that a killed process has written is not read as a line."""
    store = LocalStore(tmp_path)
    with store.journal("j", "1") as journal:
        journal.write(b'{"index":0}\n')
    with (tmp_path / "j" / "1.jsonl").open("ab") as file:
        file.write(b'{"ind')

    assert [b'{"index":0}\n'] == list(store.read_lines("j"))


def test_a_workspace_keeps_what_an_interrupted_attempt_left(store: Store, tmp_path: Path) -> None:
    """After an exception the files are there for the next attempt; after a normal end they are in the store."""
    with contextlib.suppress(KeyboardInterrupt), store.workspace("w", tmp_path / "home") as folder:
        (folder / "half").write_text("1", encoding="utf-8")
        raise KeyboardInterrupt

    with store.workspace("w", tmp_path / "home") as folder:
        assert "1" == (folder / "half").read_text(encoding="utf-8")
        (folder / "sub").mkdir()
        (folder / "sub" / "whole").write_text("2", encoding="utf-8")

    assert b"2" == store.get("w/sub/whole")
    with store.folder("w") as copy:
        assert "2" == (copy / "sub" / "whole").read_text(encoding="utf-8")


def test_append_adds(store: Store) -> None:
    """Logs grow at their end."""
    store.append("log", b"a\n")
    store.append("log", b"b\n")

    assert b"a\nb\n" == store.get("log")


def test_drafts_and_locks_are_not_listed(tmp_path: Path) -> None:
    """A draft that a killed process left, and a lock's file, are no keys."""
    store = LocalStore(tmp_path)
    with store.claim("artifacts/x"):
        (tmp_path / "artifacts").mkdir()
        (tmp_path / "artifacts" / "a.json.123.tmp").write_text("half", encoding="utf-8")

        assert [] == list(store.list(""))


def test_files_are_listed_with_their_sizes(store: Store) -> None:
    """Below a prefix; a file that another one shares its bytes with has the same identity."""
    store.put("a/1", b"12345")
    store.put("b/1", b"1")
    store.copy("a/1", "a/2")

    files = {file.key: file for file in store.files("a/")}

    assert {"a/1": 5, "a/2": 5} == {key: file.size for key, file in files.items()}
    if isinstance(store, LocalStore):
        first, second = files.values()
        assert (first.identity, 2) == (second.identity, first.links)
        assert first.identity
        assert abs((store.root / "a" / "1").stat().st_mtime - (first.modified or 0)) < 1


def test_many_keys_are_deleted_at_once(store: Store) -> None:
    """One that is gone is no error."""
    for number in range(30):
        store.put(f"artifacts/model/{number:04d}/x", b"")
    store.put("artifacts/model/keep/x", b"")

    store.delete_keys(f"artifacts/model/{number:04d}/x" for number in range(31))

    assert ["artifacts/model/keep/x"] == list(store.list(""))


def test_folders_that_become_empty_are_removed(tmp_path: Path) -> None:
    """Except those of all artifacts of a kind, or of all runs: another process may be making one there."""
    store = LocalStore(tmp_path)
    for key in ("artifacts/model/1f/final/x", "runs/a-1/steps/compare.json", "plans/2e/plan.json"):
        store.put(key, b"")

    store.delete_keys(list(store.list("")))

    folders = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert {"artifacts", "artifacts/model", "runs", "plans"} == folders
    store.put("runs/a-1/steps/compare.json", b"again")
    assert b"again" == store.get("runs/a-1/steps/compare.json")
