"""What keeps `llmops clean` from a run and from the artifacts that it uses: marks in its record.

A run marks an artifact of another run before it uses it, and looks whether it is still there; `llmops clean` withdraws an
artifact, looks for marks, and puts it back if there is one. Whoever comes second sees the first. In the same way a run
shows that it is running, and looks whether it is being freed.
"""

from __future__ import annotations

from collections.abc import Iterable

from llmops_sdk.errors import RunNotFoundError
from llmops_sdk.record.layout import RunLayout
from llmops_sdk.record.stores import Store


class Uses:
    """The part of a run's record with these marks."""

    id: str
    store: Store
    _layout: RunLayout

    def mark_use(self, addresses: Iterable[str]) -> None:
        """Mark artifacts that another run made as used by this one; whether they are still there is to be checked then."""
        for address in addresses:
            self.store.put(self._layout.use(address), b"")

    def check_not_freed(self) -> None:
        """Check that the run is not being freed. Whoever relies on it has shown that before, by a heartbeat or by marks.

        Raises:
            RunNotFoundError: It is, or is gone.
        """
        if self.store.get(self._layout.freed) is not None or self.store.get(self._layout.metadata) is None:
            message = f"run {self.id!r} has just been freed by `llmops clean`; run its specification again"
            raise RunNotFoundError(message)

    def clear_running(self) -> None:
        """Remove the heartbeat of the run itself."""
        self.store.delete_keys([self._layout.started("")])

    def clear_uses(self) -> None:
        """Remove the marks of artifacts; the records of the steps that used them name them now."""
        self.store.delete_keys(list(self.store.list(self._layout.uses)))
