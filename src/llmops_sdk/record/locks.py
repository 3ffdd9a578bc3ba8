"""Locks between the processes of one machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llmops_sdk.progress import Progress


@contextmanager
def locked(path: Path, what: str, progress: Progress) -> Iterator[None]:
    """Hold a lock between processes for the time of a `with` block; a holder that dies lets go of it.

    Args:
        path: The lock's file; it stays, empty.
        what: What is locked, for the line that is told while another process holds it.
        progress: Where that line goes.
    """
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.log(f"waiting for another process that fetches {what}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
