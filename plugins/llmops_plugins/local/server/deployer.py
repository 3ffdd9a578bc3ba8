"""Serves a model in a process of its own on this machine's loopback, for as long as this process lives."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import attrs

from llmops_plugins.local import device
from llmops_plugins.local.weights import locate as weights
from llmops_sdk.plugin import BaseModel, Context, Deployer, Endpoint, EndpointError, Resource, ServableModel

_LOG_LINES = 12
_END_SECONDS = 5.0

_servers: dict[str, _Server] = {}
_guard = threading.Lock()


class LocalEndpoint(Deployer):
    """Starts the server with the model, and ends it.

    The server ends with this process, however that ends, so there is nothing that a later process has to delete.
    """

    def fingerprint(self, context: Context, model: BaseModel) -> str:
        """Return the exact version of the weights."""
        return weights.version(context, model)

    def resources(self, context: Context, model: ServableModel) -> tuple[Resource, ...]:
        """Name the server's process."""
        return (Resource("process", context.resource_name()),)

    def deploy(self, context: Context, model: ServableModel) -> Endpoint:
        """Start the server and wait until it answers; see `Deployer.deploy`."""
        if isinstance(model, BaseModel):
            found = weights.locate(context, model)
            folder, version = found.folder, found.version
        else:
            folder, version = Path(model.uri), model.base.version
        name = context.resource_name()
        _end(name)
        server = _Server.start(self._command(folder, name), context.folder / "server.log")
        with _guard:
            _servers[name] = server
        try:
            ready = server.wait_until_ready(self.options.start_timeout)
        except BaseException:
            _end(name)
            raise
        metadata = {key: str(value) for key, value in ready.items() if key != "port"}
        return Endpoint(
            name=name,
            url=f"http://127.0.0.1:{ready['port']}/endpoints/{name}/invocations",
            concurrency=self.options.max_batch,
            metadata={**metadata, "weights": version} if version else metadata,
        )

    def delete(self, context: Context, resource: Resource) -> None:
        """End the server; do nothing when it is gone or was another process's."""
        _end(resource.name)

    def _command(self, folder: Path, name: str) -> list[str]:
        options = self.options
        return [
            sys.executable, "-m", "llmops_plugins.local.server.main",
            f"--model={folder}",
            f"--name={name}",
            f"--device={options.device}",
            f"--dtype={options.dtype}",
            f"--max-batch={options.max_batch}",
            f"--batch-window-ms={options.batch_window_ms}",
            f"--max-body-mb={options.max_body_mb}",
        ]  # fmt: skip


@attrs.frozen(eq=False)
class _Server:
    process: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def start(cls, command: list[str], log: Path) -> _Server:
        """Start the process in a session of its own, so that Ctrl-C in a terminal reaches this process alone."""
        with log.open("ab") as errors:
            process = subprocess.Popen(  # noqa: S603 - the user's interpreter, a file of ours
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                # The user's working folder is no place to look for modules.
                env={**os.environ, **device.child_environment(), "PYTHONSAFEPATH": "1"},
                start_new_session=True,
            )
        return cls(process, log)

    def wait_until_ready(self, timeout: float) -> dict[str, Any]:
        """Return what the server told when it was ready.

        Raises:
            EndpointError: It died or took too long.
        """
        assert self.process.stdout is not None  # noqa: S101 - it was asked for
        until = time.monotonic() + timeout
        told = b""
        with self.process.stdout as output, selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while not told.endswith(b"\n"):
                if not selector.select(max(0.0, until - time.monotonic())):
                    message = (
                        f"the server did not start within {timeout:g} s: raise 'start_timeout'{self._last_words()}"
                    )
                    raise EndpointError(message)
                chunk = os.read(output.fileno(), 4096)
                if not chunk:
                    message = f"the server {self._cause()}{self._last_words()}"
                    raise EndpointError(message)
                told += chunk
        ready: dict[str, Any] = json.loads(told)
        return ready

    def end(self) -> None:
        """End the process, whatever it does, and everything it has started."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        try:
            self.process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _cause(self) -> str:
        try:
            code = self.process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            return "closed its output before it was ready"
        if code >= 0:
            return f"ended with code {code} before it was ready"
        hint = " (out of memory?)" if code == -signal.SIGKILL else ""
        return f"was killed by {signal.Signals(-code).name}{hint} before it was ready"

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]
        said = " / ".join(line.strip() for line in lines if line.strip())
        return f"; its last words: {said} (log: {self.log})" if said else f" (log: {self.log})"


def _end(name: str) -> None:
    with _guard:
        server = _servers.pop(name, None)
    if server is not None:
        server.end()


def _end_all() -> None:
    for name in tuple(_servers):
        _end(name)


atexit.register(_end_all)
