"""Starting the server in a process of its own, and asking it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import httpx  # noqa: TC002 - attrs resolves annotations

NAME = "llmops-test"
PROMPTS = ("Summarize the text.", "Which bridge is the oldest?", "A town on a river has three bridges.", "x")


@attrs.frozen
class RunningServer:
    """A server process and a client for it."""

    process: subprocess.Popen[bytes]
    ready: Mapping[str, Any]
    client: httpx.Client

    def invoke(self, inputs: str | list[str], **parameters: Any) -> Any:
        response = self.client.post("/invocations", json={"inputs": inputs, "parameters": parameters})
        assert 200 == response.status_code, response.text
        return response.json()

    def stats(self) -> dict[str, int]:
        counts: dict[str, int] = self.client.get("/stats").json()
        return counts


def start_server(model: Path, *options: str, stdin: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    """Start a server that nobody has waited for."""
    return subprocess.Popen(
        [sys.executable, "-m", "llmops_plugins.local.server.main", f"--model={model}", f"--name={NAME}", *options],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def eventually(check: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until a check succeeds; fail if it does not in time."""
    until = time.monotonic() + seconds
    tick = threading.Event()
    while not check():
        assert time.monotonic() < until, "the check did not succeed in time"
        tick.wait(0.02)


def invoke(runtime: Any, body: bytes, name: str = NAME) -> Any:
    """Invoke an endpoint with boto3's client of SageMaker Runtime."""
    return runtime.invoke_endpoint(
        EndpointName=name, ContentType="application/json", Body=body, CustomAttributes="accept_eula=true"
    )
