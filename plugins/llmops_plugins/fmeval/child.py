"""Runs FMEval in a process group of its own and leaves nothing behind: `PYTHON child.py FOLDER`.

Between the SDK and FMEval stands this small process, which imports nothing but the standard library and can always act:
it starts `worker.py` of the same folder, waits for it, and then kills whatever is left of the worker's group (Ray's
servers and workers are in it) and deletes Ray's files. Its standard input is a pipe that the SDK holds open: at its end,
because the SDK stops the work or was killed, it ends the group at once and deletes the whole folder. When this process
is killed itself, the worker sees the end of its own input, and ends its group.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType

_SECONDS_TO_DIE = 10.0
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def main() -> int:
    """Run the worker to its end or to ours; return its exit code."""
    folder = Path(sys.argv[1])
    _adopt_orphans()
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, _stop)
    worker = None
    done = False
    try:
        worker = subprocess.Popen(  # noqa: S603 - this interpreter, a file of ours
            [sys.executable, str(folder / "worker.py"), str(folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        threading.Thread(target=_stop_with_parent, daemon=True).start()
        code = worker.wait()
        done = True
    finally:
        if worker is not None:
            _end_group(worker)
        shutil.rmtree(folder / "ray" if done else folder, ignore_errors=True)
    return code if code >= 0 else 128 - code


def _stop(_signal: int, _frame: FrameType | None) -> None:
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)  # what follows is the cleaning up
    raise SystemExit(130)


def _stop_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _adopt_orphans() -> None:
    """Become the parent of the worker's orphans, so that they are waited for; process 1 of a container may not do it."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except (OSError, AttributeError):
        return  # not on Linux


def _end_group(worker: subprocess.Popen[bytes]) -> None:
    """Kill the worker's process group, and wait until nothing is left of it."""
    until = time.monotonic() + _SECONDS_TO_DIE
    while time.monotonic() < until:
        try:
            os.killpg(worker.pid, signal.SIGKILL)
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ProcessLookupError:  # no such group any more
            break
        except OSError:  # no child that could be waited for
            worker.poll()
        time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main())
