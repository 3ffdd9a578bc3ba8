"""Folders of jobs whose processes were all killed at once, so that nobody was left to delete them.

The process that makes a folder holds a lock on a file in it for as long as it lives. The system lets go of the lock when
the process ends, however it ends, and hands it to nobody else: what can be locked has no owner any more.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOCK = "owner.lock"


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Own a folder for the time of a `with` block."""
    unseen = folder / f".{_LOCK}"
    with unseen.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        unseen.rename(folder / _LOCK)  # under its name nobody ever sees it without its lock
        yield


def sweep(parent: Path, prefix: str) -> None:
    """Delete the folders whose owner is gone; those without a lock file, or of another user, are left alone."""
    for folder in parent.glob(f"{prefix}*"):
        try:
            if folder.lstat().st_uid != os.getuid():
                continue
            with (folder / _LOCK).open("r+") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # no lock file, or its owner lives
            continue
