"""The finished artifacts of a store, and copying them to another one."""

from __future__ import annotations

from pathlib import Path

from llmops_sdk.record.artifacts import (
    artifact_addresses,
    copy_artifact,
    is_unchanged,
    read_artifact,
    restore_artifact,
    withdraw_artifact,
    write_artifact,
)
from llmops_sdk.record.stores import Store
from llmops_sdk.testing import MemoryStore
from llmops_sdk.values.artifacts import SamplesValue


def make(store: Store, address: str, records: int = 1) -> None:
    """Finish an artifact with a file."""
    store.put(f"artifacts/{address}/sub/file", b"text")
    write_artifact(store, address, "run-1", SamplesValue(records))


def test_finished_artifacts_are_listed(store: Store) -> None:
    """One without its value is not finished."""
    make(store, "samples/1f")
    make(store, "samples/2e")
    store.put("artifacts/samples/3d/file", b"text")

    assert ("samples/1f", "samples/2e") == artifact_addresses(store)


def test_an_artifact_is_copied_under_another_address(store: Store, tmp_path: Path) -> None:
    """Its files, and its value last; its own address is replaced in the value."""
    make(store, "samples/1f", 3)
    target = MemoryStore()

    copy_artifact(store, target, "samples/1f", new_address="samples/emulated-1f", home=tmp_path / "home")

    artifact = read_artifact(target, "samples/emulated-1f")
    assert artifact is not None
    assert SamplesValue(3) == artifact.read(SamplesValue)
    assert b"text" == target.get("artifacts/samples/emulated-1f/sub/file")
    assert b"samples/1f" not in (target.get("artifacts/samples/emulated-1f/artifact.json") or b"")
    assert ("samples/emulated-1f",) == artifact_addresses(target)


def test_an_artifact_is_not_copied_over_one_or_against_the_check(store: Store, tmp_path: Path) -> None:
    """Nor if the source does not have it."""
    make(store, "samples/1f", 3)
    make(store, "samples/2e", 3)
    target = MemoryStore()
    make(target, "samples/1f", 4)

    for address in ("samples/1f", "samples/2e", "samples/3d"):
        copy_artifact(store, target, address, home=tmp_path / "home", accept=lambda one: one.value["records"] != 3)

    artifact = read_artifact(target, "samples/1f")
    assert artifact is not None
    assert SamplesValue(4) == artifact.read(SamplesValue)
    assert ("samples/1f",) == artifact_addresses(target)


def test_an_artifact_is_unchanged_until_it_is_withdrawn_or_built_again(store: Store) -> None:
    """It is then read again by those who hold it."""
    make(store, "samples/1f")
    artifact = read_artifact(store, "samples/1f")
    assert artifact is not None
    assert is_unchanged(store, artifact)

    withdraw_artifact(store, "samples/1f", artifact.run)
    assert not is_unchanged(store, artifact)
    restore_artifact(store, "samples/1f")
    assert is_unchanged(store, artifact)

    make(store, "samples/1f", records=2)
    assert not is_unchanged(store, artifact)
    store.delete("artifacts/samples/1f/")
    assert not is_unchanged(store, artifact)


def test_a_value_is_made_once(store: Store) -> None:
    """Steps read that of the same artifact many times."""
    make(store, "samples/1f")
    artifact = read_artifact(store, "samples/1f")

    assert artifact is not None
    assert artifact.read(SamplesValue) is artifact.read(SamplesValue)
    assert artifact == read_artifact(store, "samples/1f")
