"""Runs FMEval in a process group of its own and leaves nothing behind: `PYTHON child.py FOLDER`.

This small process between the SDK and FMEval imports nothing but the standard library and can always act. It starts
`worker.py` of the same folder, waits for it, then kills what is left of the worker's group (Ray's servers and workers are
in it) and deletes Ray's files. Its standard input is a pipe that the SDK holds open. When the pipe ends, because the SDK
stops the work or was killed, it ends the group at once and deletes the folder. If this process is killed, the worker
sees the end of its own input, and ends its group.
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
    """Run the worker until it or this process ends; return its exit code."""
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
        signal.signal(name, signal.SIG_IGN)  # clean-up follows, and must not be interrupted
    raise SystemExit(130)


def _stop_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _adopt_orphans() -> None:
    """Become the parent of the worker's orphans, to wait for them; process 1 of a container may not."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except (OSError, AttributeError):
        return  # not on Linux


def _end_group(worker: subprocess.Popen[bytes]) -> None:
    """Kill the worker's process group, and wait until it has no process left."""
    until = time.monotonic() + _SECONDS_TO_DIE
    while time.monotonic() < until:
        try:
            os.killpg(worker.pid, signal.SIGKILL)
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ProcessLookupError:  # the group has ended
            break
        except OSError:  # no child to wait for
            worker.poll()
        time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main())
