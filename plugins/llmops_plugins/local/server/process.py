"""The server's process as its parent sees it: starting it, waiting until it is ready, stopping it."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, NoReturn

import attrs

from llmops_plugins.local.device import child_environment
from llmops_sdk.plugin import EndpointError

_LOG_LINES = 12
_STOP_SECONDS = 5.0


@attrs.frozen(eq=False)
class ServerProcess:
    """A running server.

    Attributes:
        process: The process.
        log: The file of its standard error.
    """

    process: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def start(cls, command: list[str], log: Path) -> ServerProcess:
        """Start the process in a session of its own, so that Ctrl-C in a terminal reaches only this process."""
        with log.open("ab") as errors:
            process = subprocess.Popen(  # noqa: S603 - the user's interpreter and a module of this package
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                # No module is imported from the user's working folder.
                env={**os.environ, **child_environment(), "PYTHONSAFEPATH": "1"},
                start_new_session=True,
            )
        return cls(process, log)

    def wait_until_ready(self, timeout: float) -> dict[str, Any]:
        """Return what the server prints when it is ready: its port and what it computes with.

        Raises:
            EndpointError: It refused, died or took too long.
        """
        assert self.process.stdout is not None  # noqa: S101 - it is a pipe
        until = time.monotonic() + timeout
        line = b""
        with self.process.stdout as output, selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(max(0.0, until - time.monotonic())):
                    message = f"the server did not start within {timeout:g} s: raise 'start_timeout'{self._log_tail()}"
                    raise EndpointError(message)
                chunk = os.read(output.fileno(), 4096)
                if not chunk:
                    message = f"the server {self._end()} before it was ready{self._log_tail()}"
                    raise EndpointError(message)
                line += chunk
        ready: dict[str, Any] = json.loads(line)
        if "error" in ready:
            raise EndpointError(ready["error"])
        return ready

    def wait(self) -> NoReturn:
        """Block while it runs.

        Raises:
            EndpointError: It ended on its own.
        """
        self.process.wait()
        message = f"the server {self._end()}{self._log_tail()}"
        raise EndpointError(message)

    def stop(self) -> None:
        """Stop the process and everything it has started, whatever it is doing."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _end(self) -> str:
        try:
            code = self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            return "closed its output"
        if code >= 0:
            return f"exited with code {code}"
        hint = " (out of memory?)" if code == -signal.SIGKILL else ""
        return f"was killed by {signal.Signals(-code).name}{hint}"

    def _log_tail(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]
        tail = " / ".join(line.strip() for line in lines if line.strip())
        return f"; last log lines: {tail} (log: {self.log})" if tail else f" (log: {self.log})"
