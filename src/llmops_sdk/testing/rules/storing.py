"""Stores and orphan finders: bytes come back as they were put, and what is deleted twice is gone once."""

from __future__ import annotations

from typing import Any

from llmops_sdk.plugin.interfaces import OrphanFinder
from llmops_sdk.record.stores import Store
from llmops_sdk.testing.rules.serving import delete_twice
from llmops_sdk.testing.rules.trial import Trial, show
from llmops_sdk.values.resources import TaggedResource

_BASE = "llmops-check"
_FILES = {
    f"{_BASE}/a/one": b"one",
    f"{_BASE}/a/empty": b"",
    f"{_BASE}/ab": b"\x00\xff" * 1000,
    f"{_BASE}/a/b/two words": "Grüße".encode(),
}


def try_store(trial: Trial) -> Any:
    """Put, get, list, append and delete; return what was listed."""
    if not trial.inputs.uri:
        trial.stop("inputs", "it needs a URI to open: uri=")
    store = trial.make(trial.inputs.uri, trial.inputs.settings)
    if not isinstance(store, Store):
        trial.stop("card", f"its implementation is a {type(store).__name__}, not a Store")
    with trial.rule("interface", "delete"):
        store.delete(f"{_BASE}/")
    with trial.rule("empty-input", "get of a key that nothing is under"):
        if (nothing := store.get(f"{_BASE}/none")) is not None:
            trial.broken("empty-input", f"get of a key that nothing is under returned {show(nothing)}, not None")
    with trial.rule("interface", "put, get and list"):
        for key, data in _FILES.items():
            store.put(key, data)
        for key, data in _FILES.items():
            if (read := store.get(key)) != data:
                trial.broken(
                    "empty-input" if not data else "interface", f"get returned {show(read)} after put of {show(data)}"
                )
        listed = [list(store.list(prefix)) for prefix in (f"{_BASE}/", f"{_BASE}/a/", f"{_BASE}/none")]
    _check_listed(trial, listed)
    with trial.rule("interface", "append and read_lines"):
        store.append(f"{_BASE}/log", b"1\n")
        store.append(f"{_BASE}/log", b"2\n")
        if (lines := list(store.read_lines(f"{_BASE}/log"))) != [b"1\n", b"2\n"]:
            trial.broken("interface", f"read_lines returned {show(lines)} after two lines were appended")
    _delete(trial, store)
    return listed


def _check_listed(trial: Trial, listed: list[list[str]]) -> None:
    every, below, none = listed
    if every != sorted(_FILES):
        trial.broken("interface", f"list returned {every}, not {sorted(_FILES)}")
    if below != sorted(key for key in _FILES if key.startswith(f"{_BASE}/a/")):
        trial.broken("interface", f"list of the prefix '{_BASE}/a/' returned {below}")
    if none:
        trial.broken("empty-input", f"list of a prefix that no key has returned {none}")


def _delete(trial: Trial, store: Store) -> None:
    for time in ("the first time", "the second time"):
        with trial.rule("delete-twice", f"deleting a prefix {time}"):
            store.delete(f"{_BASE}/a/")
    if (left := list(store.list(f"{_BASE}/"))) != [f"{_BASE}/ab", f"{_BASE}/log"]:
        trial.broken("delete-twice", f"after deleting '{_BASE}/a/', the keys are {left}")
    with trial.rule("delete-twice", "deleting the rest"):
        store.delete(f"{_BASE}/")


def try_orphan_finder(trial: Trial) -> Any:
    """List what is there, and delete it twice."""
    finder = trial.make(trial.inputs.settings)
    if not isinstance(finder, OrphanFinder):
        trial.stop("card", f"its implementation is a {type(finder).__name__}, not an OrphanFinder")
    with trial.rule("interface", "place"):
        place = finder.place
    if not isinstance(place, str) or not place:
        trial.broken("interface", f"place is {show(place)}, no text")
    with trial.rule("interface", "list"):
        orphans = list(finder.list())
    if not all(isinstance(resource, TaggedResource) for resource in orphans):
        trial.stop("interface", f"list yielded {show(orphans)}, not only TaggedResource")
    delete_twice(trial, finder.delete, [resource.resource for resource in orphans])
    with trial.rule("interface", "list after deleting"):
        left = [resource.resource.name for resource in finder.list()]
    if left:
        trial.broken("delete-twice", f"list still yields {', '.join(left)} after it was deleted")
    return {"place": place}
