"""Trials of stores and orphan finders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from llmops_sdk.plugin import LocalStore, OrphanFinder, OrphanFinderCard, Resource, StoreCard, TaggedResource
from llmops_sdk.testing import MemoryStore

from .conftest import Try, text


class Folder(LocalStore):
    """The folder that the URI names."""

    def __init__(self, uri: str, _settings: Any) -> None:
        super().__init__(uri.removeprefix("own://"))


class Memory(MemoryStore):
    """A store in memory, which subclasses spoil."""

    def __init__(self, _uri: str, _settings: Any) -> None:
        super().__init__()


class DropsEmpty(Memory):
    """Takes empty data for none."""

    def get(self, key: str) -> bytes | None:
        return super().get(key) or None


class MissingIsEmpty(Memory):
    """Takes no data for empty data."""

    def get(self, key: str) -> bytes | None:
        return super().get(key) or b""


class OneLevel(Memory):
    """Lists no folders."""

    def list(self, prefix: str) -> Iterator[str]:
        return (key for key in super().list(prefix) if "/" not in key.removeprefix("llmops-check/"))


class DeletesOnce(Memory):
    """Fails if nothing is left."""

    def delete(self, prefix: str) -> None:
        if prefix.endswith("a/") and not list(self.list(prefix)):
            raise KeyError(prefix)
        super().delete(prefix)


class Finder(OrphanFinder):
    """Finds what is in a list."""

    left: ClassVar[list[str]] = []

    def list(self, run_id: str = "") -> Iterator[TaggedResource]:
        for name in [*self.left]:
            yield TaggedResource(Resource("job", name), "run", "step", 0.0, None)

    def delete(self, resource: Resource) -> None:
        if resource.name in self.left:
            self.left.remove(resource.name)


class Stubborn(Finder):
    """Deletes nothing."""

    def delete(self, resource: Resource) -> None:
        """Leave it."""


def store(cls: type) -> StoreCard:
    """Return the card of a class of this module."""
    return StoreCard(name="own", summary="own", load=f"{__name__}:{cls.__name__}")


@pytest.mark.parametrize("cls", [Folder, Memory])
def test_a_good_store_breaks_nothing(tried: Try, tmp_path: Path, cls: type) -> None:
    """A folder of this disk, and objects with four operations."""
    outcome = tried(store(cls), uri=f"own://{tmp_path}/store")

    assert [] == outcome.problems
    assert {"interface", "empty-input", "delete-twice"} <= set(outcome.kept)
    assert "inputs: it needs a URI to open: uri=" in text(tried(store(cls)))


@pytest.mark.parametrize(
    ("cls", "line"),
    [
        (DropsEmpty, "empty-input: get returned None after put of b''"),
        (MissingIsEmpty, "empty-input: get of a key that nothing is under returned b'', not None"),
        (OneLevel, "interface: list returned ['llmops-check/ab'], not ["),
        (DeletesOnce, "delete-twice: deleting a prefix the second time: KeyError"),
    ],
)
def test_what_breaks_the_contract_is_named(tried: Try, cls: type, line: str) -> None:
    """Each in one line."""
    assert line in text(tried(store(cls), uri="own://x"))


def test_orphans_are_deleted_twice(tried: Try) -> None:
    """What is still listed afterwards is a broken rule."""
    Finder.left[:] = ["a", "b"]
    finder = OrphanFinderCard(name="own", summary="own", load=f"{__name__}:Finder")
    stubborn = OrphanFinderCard(name="own", summary="own", load=f"{__name__}:Stubborn")

    assert [] == tried(finder).problems
    assert [] == Finder.left
    Finder.left[:] = ["a"]
    assert "delete-twice: list still yields a after it was deleted" in text(tried(stubborn))
