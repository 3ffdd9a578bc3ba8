"""The small process between the SDK and FMEval: nothing is left of a job, however its processes end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from .workers import BUSY, PARENT, SLEEP, wait_for


@pytest.mark.parametrize("name", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_the_sdk_is_ended(temporary: Any, name: signal.Signals) -> None:
    """Killed, terminated, or interrupted in a terminal, while FMEval works."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, BUSY + SLEEP, str(temporary.folder)], stderr=subprocess.DEVNULL
    ) as sdk:
        wait_for(lambda: list(temporary.folder.glob("*/started")))
        wait_for(lambda: len(temporary.processes()) == 3)  # a process that just started shows no environment yet
        os.kill(sdk.pid, name)
    temporary.wait_until_empty()


@pytest.mark.parametrize("which", ["child.py", "worker.py"])
def test_nothing_is_left_when_one_of_its_processes_is_killed(temporary: Any, which: str) -> None:
    """The SDK reports it, and each of the processes ends the others."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, BUSY + SLEEP, str(temporary.folder)], stderr=subprocess.PIPE, text=True
    ) as sdk:
        wait_for(lambda: list(temporary.folder.glob("*/started")))
        (victim,) = [
            process for process, command in temporary.commands().items() if command[1:2] and command[1].endswith(which)
        ]
        victim.kill()
        assert "its process was killed" in sdk.communicate(timeout=60)[1]
    temporary.wait_until_empty()
