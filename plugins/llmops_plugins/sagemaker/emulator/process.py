"""A process of the emulator: stopped as SageMaker stops a container."""

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
    """A command in a session of its own.

    Attributes:
        log: The file for its output.
    """

    log: Path
    _stopping: threading.Event = attrs.field(factory=threading.Event)

    def run(
        self, command: list[str], *, cwd: Path, env: Mapping[str, str] | None = None, timeout: float = float("inf")
    ) -> int:
        """Run the command to its end, to `stop` or to a timeout (seconds), and return its exit code.

        Everything that it started is then killed, as when a container ends. After a stop or a timeout, it first gets SIGTERM
        and time to clean up; the processes that it started get only what it passes on.
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
        _kill_all(process.pid)
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
    """Send SIGTERM to the first process alone, as SageMaker does, and give it time to end."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)


def _kill_all(session: int) -> None:
    """Kill the processes of a session; Linux lists those that have a process group of their own."""
    groups = {session}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()  # state, parent, group, session, ...
            if int(fields[3]) == session:
                groups.add(int(fields[2]))
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
