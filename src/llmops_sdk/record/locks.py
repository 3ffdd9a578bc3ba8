"""Locks between the processes of one machine, and whether a process still exists."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


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
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_CREAT | os.O_RDWR)
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


def _is_file(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def process_exists(pid: int) -> bool:
    """Return whether this machine has a process of this number."""
    with contextlib.suppress(PermissionError):
        try:
            os.kill(pid, 0)
        except (ProcessLookupError, OverflowError):
            return False
    return True
