"""What keeps processes apart: locks on one machine, and marks in the record of a run, which all machines see.

The marks keep `llmops clean` from a run and from the artifacts that it uses. A run marks an artifact of another run before
it uses it, and looks whether it is still there; `llmops clean` withdraws an artifact, looks for marks, and puts it back if
there is one. Whoever comes second sees the first. In the same way a run shows that it is running, and looks whether it is
being freed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from llmops_sdk.errors import RunNotFoundError
from llmops_sdk.record.layout import RunLayout
from llmops_sdk.record.stores import Store


@contextmanager
def locked(path: Path, *, shared: bool = False, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a lock between processes for the time of a `with` block; it is released if its holder dies.

    Args:
        path: The lock's file; it stays, empty. Only its holder may delete it.
        shared: Whether others that hold it shared may hold it at the same time.
        waiting: Called once if another process holds the lock. What it raises ends the waiting.
    """
    kind, is_waiting = fcntl.LOCK_SH if shared else fcntl.LOCK_EX, False
    while True:
        try:
            handle = os.open(path, os.O_CREAT | os.O_RDWR)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            continue
        try:
            try:
                fcntl.flock(handle, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                if not is_waiting:
                    is_waiting = True
                    waiting()
                fcntl.flock(handle, kind)
            if not _is_file(path, handle):  # its last holder has deleted it: it locks nothing
                continue
            yield
            return
        finally:
            os.close(handle)


def process_exists(pid: int) -> bool:
    """Return whether this machine has a process of this number."""
    with contextlib.suppress(PermissionError):
        try:
            os.kill(pid, 0)
        except (ProcessLookupError, OverflowError):
            return False
    return True


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


def _is_file(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False
