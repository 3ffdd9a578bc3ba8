"""A process that lives no longer than its parent: `python rehearsal_guard.py COMMAND...`. Standard library only.

The command runs in a process group of its own. When standard input ends, because the parent has closed it or is gone,
the group is asked to end (SIGTERM) and soon after killed, as SageMaker stops a container.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

GRACE_SECONDS = 10.0
"""Between SIGTERM and SIGKILL; SageMaker gives two minutes."""


def main(command: list[str]) -> int:
    """Run the command, and return its exit code, or 128 and the signal that ended it."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603 - the parent's own

    def watch() -> None:
        while os.read(0, 4096):
            pass
        _signal(child.pid, signal.SIGTERM)
        until = time.monotonic() + GRACE_SECONDS
        while child.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        _signal(child.pid, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
    code = child.wait()
    _signal(child.pid, signal.SIGKILL)  # what it has left behind ends with it
    return code if code >= 0 else 128 - code


def _signal(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
