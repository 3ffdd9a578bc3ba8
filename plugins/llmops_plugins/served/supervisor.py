"""The process between a run and a command: `python -I supervisor.py LOG GRACE NAME... -- COMMAND...`.

It runs the command, and ends it when the run ends, however that ends. Standard input is a pipe from the run: when it is
closed, or when the process of the run is gone, the command and all processes that it started are stopped: by SIGTERM, and
after GRACE seconds by SIGKILL. Standard output has a line of JSON with the command's process ID, or why it could not be
started, and one with its exit code.

What the command prints goes to the file LOG, without the values of the environment variables NAME.

This file is run on its own and imports the standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

LOG_BYTES = 32 << 20
"""The longest log; a longer one continues in a new file, and only the newest full one is kept beside it."""

_CHECK_SECONDS = 0.2
_KILL_SECONDS = 5.0
_LONGEST_LINE = 64 << 10
_SHORTEST_SECRET = 4
_SET_PDEATHSIG, _SET_CHILD_SUBREAPER = 1, 36  # of Linux's prctl


class Log:
    """The file of the command's output: secrets are masked, and it does not grow without end.

    Args:
        path: The file; what it has already is kept.
        secrets: Texts to mask.
    """

    def __init__(self, path: Path, secrets: Iterable[str]) -> None:
        self._path = path
        self._secrets = sorted(
            (text.encode() for text in secrets if len(text) >= _SHORTEST_SECRET), key=len, reverse=True
        )
        self._file = path.open("ab")
        self._line = b""

    def write(self, data: bytes) -> None:
        """Write the complete lines; the rest waits for its end, so that no secret is cut in two."""
        self._line += data
        end = max(self._line.rfind(b"\n"), self._line.rfind(b"\r")) + 1
        if not end and len(self._line) > _LONGEST_LINE:
            end = len(self._line)
        self._write(self._line[:end])
        self._line = self._line[end:]

    def close(self) -> None:
        """Write the last line, which may lack its end."""
        self._write(self._line)
        self._file.close()

    def _write(self, data: bytes) -> None:
        for secret in self._secrets:
            data = data.replace(secret, b"***")
        self._file.write(data)
        self._file.flush()
        if self._file.tell() > LOG_BYTES:
            self._file.close()
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            self._file = self._path.open("ab")


class Supervisor:
    """Runs one command.

    Args:
        command: The command.
        log: Gets its output.
        grace: Seconds that it may take to end after SIGTERM.

    Raises:
        OSError: It cannot be started.
    """

    def __init__(self, command: list[str], log: Log, grace: float) -> None:
        self._log = log
        self._grace = grace
        self._parent = os.getppid()
        self._is_stopping = False
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._stop)
        self._process = subprocess.Popen(  # noqa: S603 - the user's own command
            command,
            stdin=subprocess.PIPE,  # never written to; it closes with this process
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_end_with_supervisor if sys.platform == "linux" else None,  # noqa: PLW1509 - there is one thread
        )

    def run(self) -> None:
        """Wait until the command ends or is to be stopped; then end all processes that it started."""
        report(pid=self._process.pid)
        with selectors.DefaultSelector() as selector:
            selector.register(0, selectors.EVENT_READ)
            if self._process.stdout is not None:
                selector.register(self._process.stdout, selectors.EVENT_READ)
            while self._process.poll() is None and not self._is_stopping:
                self._read(selector)
                self._is_stopping = self._is_stopping or os.getppid() != self._parent
            if self._process.poll() is None:
                self._terminate(selector)
            kill_descendants()
            code = self._process.wait()
            self._read_rest(selector)
        self._log.close()
        report(code=code)

    def _stop(self, _number: int, _frame: object) -> None:
        self._is_stopping = True

    def _read(self, selector: selectors.BaseSelector) -> None:
        for key, _ in selector.select(_CHECK_SECONDS):
            data = os.read(key.fd, 1 << 16)
            if not data:
                selector.unregister(key.fileobj)
            if key.fd == 0:
                self._is_stopping = self._is_stopping or not data
            else:
                self._log.write(data)

    def _terminate(self, selector: selectors.BaseSelector) -> None:
        """Ask the command to end, and wait for it; it may still print."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGTERM)
        until = time.monotonic() + self._grace
        with contextlib.suppress(KeyError):
            selector.unregister(0)
        while self._process.poll() is None and time.monotonic() < until:
            if selector.get_map():
                self._read(selector)
            else:
                time.sleep(_CHECK_SECONDS)

    def _read_rest(self, selector: selectors.BaseSelector) -> None:
        """Read what is left in the pipe; a process that was not found may keep it open."""
        with contextlib.suppress(KeyError):
            selector.unregister(0)
        until = time.monotonic() + _CHECK_SECONDS
        while selector.get_map() and time.monotonic() < until:
            self._read(selector)


def kill_descendants() -> None:
    """Kill all processes that this process and its descendants started, also those in other groups and sessions."""
    until = time.monotonic() + _KILL_SECONDS
    while time.monotonic() < until:
        pids = descendants(os.getpid())
        for pid in pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not pids:
            return
        time.sleep(0.02)


def descendants(ancestor: int) -> list[int]:
    """Return the living processes below a process. Those that have ended and wait for their parent are left out."""
    children: dict[int, list[int]] = {}
    for pid, parent in _processes():
        children.setdefault(parent, []).append(pid)
    pids: list[int] = []
    waiting = [ancestor]
    while waiting:
        below = children.get(waiting.pop(), [])
        pids += below
        waiting += below
    return pids


def _processes() -> Iterable[tuple[int, int]]:
    """Yield each living process and its parent."""
    if Path("/proc/self/stat").exists():
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal():
                with contextlib.suppress(OSError):
                    state, parent = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
                    if state != "Z":
                        yield int(folder.name), int(parent)
        return
    with subprocess.Popen(["ps", "-A", "-o", "pid=,ppid=,state="], stdout=subprocess.PIPE, text=True) as listing:  # noqa: S607 - from PATH
        for line in listing.stdout or ():
            pid, parent, state = line.split()
            if not state.startswith("Z") and int(pid) != listing.pid:
                yield int(pid), int(parent)


def _end_with_supervisor() -> None:
    """Let Linux kill the command if the supervisor itself is killed; called in the command's process."""
    ctypes.CDLL(None).prctl(_SET_PDEATHSIG, int(signal.SIGKILL))


def _adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, so that they are found; Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1)


def report(**values: int | str) -> None:
    """Send values to the run, unless it is gone."""
    with contextlib.suppress(OSError):
        os.write(1, f"{json.dumps(values)}\n".encode())


def main(arguments: list[str]) -> int:
    """Run a command; return when it has ended."""
    end = arguments.index("--")
    path, grace, *names = arguments[:end]
    command = arguments[end + 1 :]
    _adopt_orphans()
    log = Log(Path(path), (os.environ.get(name, "") for name in names))
    try:
        supervisor = Supervisor(command, log, float(grace))
    except OSError as exc:
        report(error=f"{command[0]!r} cannot be started: {exc.strerror}")
        return 1
    supervisor.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
