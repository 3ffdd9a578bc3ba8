"""The store in memory."""

from __future__ import annotations

from llmops_sdk.testing import MemoryStore


def test_it_keeps_objects_by_key() -> None:
    """As an object store does: keys are listed by prefix and in order."""
    store = MemoryStore()
    for key in ("runs/b/x", "runs/a/x", "other"):
        store.put(key, key.encode())

    assert ["runs/a/x", "runs/b/x"] == list(store.list("runs/"))
    assert b"other" == store.get("other")
    store.delete("runs/a")
    assert ["other", "runs/b/x"] == list(store.list(""))
    assert store.get("runs/a/x") is None
