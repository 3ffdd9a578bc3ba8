"""Folders that killed processes left behind."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import psutil

from llmops_plugins.fmeval.job import workplace

from .workers import BUSY, PARENT, SLEEP, wait_for


def test_an_abandoned_folder_is_deleted_by_the_next_job(temporary: Any) -> None:
    """All its processes were killed at once; a folder in use, or one without a lock file, stays."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, BUSY + SLEEP, str(temporary.folder)], stderr=subprocess.DEVNULL
    ) as sdk:
        wait_for(lambda: list(temporary.folder.glob("*/started")))
        processes = temporary.processes()
        for process in processes:
            process.suspend()  # none can act when the others are killed
        sdk.kill()
        for process in processes:
            process.kill()
    psutil.wait_procs(processes, timeout=60)
    (orphan,) = temporary.folder.glob("fmeval-*")
    other = temporary.folder / "fmeval-notes"
    other.mkdir()

    with workplace() as first, workplace() as second:
        assert {other, first, second} == set(temporary.folder.glob("fmeval-*"))

    assert not orphan.exists()
    other.rmdir()
