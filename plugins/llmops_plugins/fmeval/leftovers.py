"""Folders of jobs whose processes were all killed at once, with none left to delete the folder.

The process that makes a folder holds a lock on a file in it as long as it runs. The system releases the lock when the
process ends, however it ends: a folder whose file can be locked has no owner any more.
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
    """Own a folder during a `with` block."""
    draft = folder / f".{_LOCK}"
    with draft.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        draft.rename(folder / _LOCK)  # under its final name, the file is always locked
        yield


def delete_abandoned(parent: Path, prefix: str) -> None:
    """Delete the folders whose owner is gone; those without a lock file, or of another user, are left alone."""
    for folder in parent.glob(f"{prefix}*"):
        try:
            if folder.lstat().st_uid != os.getuid():
                continue
            with (folder / _LOCK).open("r+") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # no lock file, or the owner still runs
            continue
