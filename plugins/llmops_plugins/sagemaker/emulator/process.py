"""A process of the emulator: stopped as SageMaker stops a container, together with everything that it started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import attrs

GRACE_SECONDS = 10.0
"""Time between SIGTERM and SIGKILL; SageMaker gives two minutes."""

_POLL_SECONDS = 0.1


@attrs.define
class EmulatedProcess:
    """A command in a process group of its own.

    Attributes:
        log: The file for its output.
    """

    log: Path
    _stopping: threading.Event = attrs.field(factory=threading.Event)

    def run(
        self, command: list[str], *, cwd: Path, env: Mapping[str, str] | None = None, timeout: float = float("inf")
    ) -> int:
        """Run the command to its end, to `stop` or to a timeout (seconds), and return its exit code.

        Its process group is then killed; after a stop or a timeout, it first gets SIGTERM and time to clean up.
        """
        until = time.monotonic() + timeout
        with self.log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - a command of the pipeline definition, or of this package
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=cwd, env=env, start_new_session=True
            )
        while process.poll() is None and not self._stopping.wait(_POLL_SECONDS):
            if time.monotonic() > until:
                break
        if process.poll() is None:
            _terminate(process)
        _signal(process.pid, signal.SIGKILL)
        return process.wait()

    def stop(self) -> None:
        """Let `run` end the process; returns at once."""
        self._stopping.set()

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping.is_set()

    @property
    def last_line(self) -> str:
        """The last line of its output."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.log.exists() else []
        return next((line.strip() for line in reversed(lines) if line.strip()), "no output")


def _terminate(process: subprocess.Popen[bytes]) -> None:
    """Send SIGTERM to a process group, and wait for all of it: a shell ends at once, while its children clean up."""
    _signal(process.pid, signal.SIGTERM)
    until = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < until and (process.poll() is None or _is_running(process.pid)):
        time.sleep(_POLL_SECONDS)


def _is_running(group: int) -> bool:
    """Return whether a process of the group is running; zombies, which stay if nobody reaps them, do not count."""
    if not _signal(group, 0):
        return False
    states = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _parent, group_of_process = stat.read_text(errors="replace").rpartition(")")[2].split()[:3]
            if int(group_of_process) == group:
                states.append(state)
    return not states or any(state not in "ZX" for state in states)


def _signal(group: int, number: int) -> bool:
    """Send a signal, or none with 0, to a process group; return whether the group exists."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
