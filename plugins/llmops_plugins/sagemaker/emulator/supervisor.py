"""A process that lives no longer than its parent: `python supervisor.py COMMAND...`. Standard library only.

The command runs in a process group of its own. When standard input ends, because the parent has closed it or is gone,
the group is asked to end (SIGTERM) and soon after killed, as SageMaker stops a container. A group that was asked has that
time to itself even when its first process ends at once, as a shell does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

GRACE_SECONDS = 10.0
"""Between SIGTERM and SIGKILL; SageMaker gives two minutes."""


def main(command: list[str]) -> int:
    """Run the command, and return its exit code, or 128 and the signal that ended it."""
    stopping = threading.Event()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603 - the parent's own

    def watch() -> None:
        while os.read(0, 4096):
            pass
        stopping.set()
        _signal(child.pid, signal.SIGTERM)
        until = time.monotonic() + GRACE_SECONDS
        while _runs(child.pid) and time.monotonic() < until:
            time.sleep(0.1)
        _signal(child.pid, signal.SIGKILL)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    code = child.wait()
    if stopping.is_set():
        watcher.join()
    _signal(child.pid, signal.SIGKILL)  # what it has left behind ends with it
    return code if code >= 0 else 128 - code


def _runs(group: int) -> bool:
    """Tell whether a process of the group runs; one that has ended and that nobody reaps, as in a container, does not."""
    if not _signal(group, 0):
        return False
    states = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _parent, of_group = stat.read_text(errors="replace").rpartition(")")[2].split()[:3]
            if int(of_group) == group:
                states.append(state)
    return not states or any(state not in "ZX" for state in states)


def _signal(group: int, number: int) -> bool:
    """Send a signal, or none with 0, to a group; tell whether it is there."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
