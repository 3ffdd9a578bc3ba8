"""A store in memory."""

from __future__ import annotations

from collections.abc import Iterator

from llmops_sdk.record.stores import Store


class MemoryStore(Store):
    """A store for one process with `put`, `get`, `list` and `delete` only, like an object store."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}

    def put(self, key: str, data: bytes) -> None:
        self._objects[key] = data

    def get(self, key: str) -> bytes | None:
        return self._objects.get(key)

    def list(self, prefix: str) -> Iterator[str]:
        yield from sorted(key for key in self._objects if key.startswith(prefix))

    def delete(self, prefix: str) -> None:
        for key in [key for key in self._objects if key.startswith(prefix)]:
            del self._objects[key]
