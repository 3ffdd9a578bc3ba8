"""A command that belongs to this process: starting it, watching it, stopping it, and what its log ends with."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import attrs

from llmops_plugins.served import supervisor
from llmops_sdk.plugin import EndpointError, Secret

GRACE_SECONDS = 10.0
"""How long a command may take to end after SIGTERM."""

_MORE_SECONDS = 10.0
_LOG_LINES = 12
_TAIL_BYTES = 16 << 10
_LONGEST_SHOWN = 300
_ERROR = re.compile(r"error|fatal", re.IGNORECASE)


@attrs.define(eq=False)
class Process:
    """A running command, under a supervisor that ends it with this process.

    Attributes:
        command: The command.
        log: The file of its output.
    """

    command: Sequence[str]
    log: Path
    _supervisor: subprocess.Popen[bytes]
    _grace: float
    _pid: int = 0
    _code: int = 0
    _stopping: threading.Lock = attrs.field(factory=threading.Lock)

    @classmethod
    def start(
        cls, command: Sequence[str], log: Path, variables: Mapping[str, str] | None = None, grace: float = GRACE_SECONDS
    ) -> Process:
        """Start a command, in a session of its own: Ctrl-C in a terminal reaches only this process.

        Args:
            command: The program and its arguments.
            log: The file that its output is added to.
            variables: Environment variables on top of this process's own; `env:NAME` is the value of NAME, which is masked
                in the log.
            grace: Seconds that it may take to end after SIGTERM.

        Raises:
            EndpointError: It cannot be started.
            SpecError: A variable that `env:NAME` refers to is not set.
        """
        variables = variables or {}
        secrets = {name: Secret(text).reveal() for name, text in variables.items() if text.startswith("env:")}
        with log.open("ab") as errors:
            started = subprocess.Popen(  # noqa: S603 - our own program; it runs the user's command
                [sys.executable, "-I", supervisor.__file__, str(log), str(grace), *secrets, "--", *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**_inherited(), **variables, **secrets},
                start_new_session=True,
            )
        process = cls(command, log, started, grace)
        try:
            process._read_pid()
        except BaseException:
            process.stop()
            raise
        return process

    @property
    def is_running(self) -> bool:
        """Whether the command is still running."""
        return self._supervisor.poll() is None

    def wait(self) -> int:
        """Wait until the command ends, and return its exit code; negative for the signal that killed it."""
        try:
            self._supervisor.wait()
        finally:
            self.stop()
        return self._code

    def stop(self) -> None:
        """Stop the command and everything that it started; do nothing if that is done."""
        with self._stopping:  # each of the threads that ask may find that it has ended
            if self._supervisor.stdout is not None and not self._supervisor.stdout.closed:
                self._stop()
                self._code = self._read().get("code", -signal.SIGKILL)
                self._supervisor.stdout.close()

    def failure(self, problem: str) -> EndpointError:
        """Return an error of the command: what happened, the command, and the last lines of its log."""
        command = " ".join(shlex.join(self.command).split())
        return EndpointError(f"{problem}; command: {command}{self._log_tail()}")

    def raise_ended(self, when: str) -> NoReturn:
        """Raise the error of a command that has ended.

        Args:
            when: What it had not done yet, or was doing.

        Raises:
            EndpointError: Always.
        """
        code = self.wait()
        if code >= 0:
            problem = f"the command exited with code {code} {when}"
            raise self.failure(problem)
        hint = " (out of memory?)" if code == -signal.SIGKILL else ""
        problem = f"the command was killed by {signal.Signals(-code).name}{hint} {when}"
        raise self.failure(problem)

    def last_line(self) -> str:
        """Return the last line of the log that is not empty."""
        return next(iter(self._last_lines(1)), "")

    def _stop(self) -> None:
        with contextlib.suppress(OSError):
            self._supervisor.stdin.close()  # type: ignore[union-attr] # it is a pipe
        try:
            self._supervisor.wait(self._grace + _MORE_SECONDS)
        except subprocess.TimeoutExpired:
            self._supervisor.kill()
            self._supervisor.wait()
        if self._supervisor.returncode < 0 and self._pid:  # the supervisor was killed itself
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, signal.SIGKILL)

    def _read_pid(self) -> None:
        values = self._read()
        if "pid" not in values:
            raise EndpointError(values.get("error", f"the process that runs {self.command[0]!r} could not be started"))
        self._pid = values["pid"]

    def _read(self) -> dict[str, Any]:
        """Return the next values that the supervisor reports; none if it has ended."""
        line = self._supervisor.stdout.readline() if self._supervisor.stdout is not None else b""
        values: dict[str, Any] = json.loads(line or b"{}")
        return values

    def _last_lines(self, count: int) -> list[str]:
        with self.log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
        lines = [line.strip()[:_LONGEST_SHOWN] for line in text.replace("\r", "\n").split("\n") if line.strip()]
        return lines[-count:]

    def _log_tail(self) -> str:
        lines = self._last_lines(_LOG_LINES)
        if errors := [line for line in lines if _ERROR.search(line)]:
            # Of a chain of errors the first has the cause; of a traceback, the last.
            return f"; errors in its log: {' / '.join(dict.fromkeys((errors[0], errors[-1])))} (log: {self.log})"
        return f"; last log lines: {' / '.join(lines)} (log: {self.log})" if lines else f" (log: {self.log})"


def _inherited() -> dict[str, str]:
    """Return this process's environment without what is set for our own child processes."""
    return {name: text for name, text in os.environ.items() if name != "PYTHONSAFEPATH"}
