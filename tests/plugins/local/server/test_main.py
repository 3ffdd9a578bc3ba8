from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("uvicorn")

from .running import RunningServer, start_server


def test_the_server_prints_its_port_when_it_is_ready(server: RunningServer) -> None:
    """The line on standard output has the port and what it computes with; the model is loaded by then."""
    assert {"device": "cpu", "dtype": "float32", "batching": "continuous"}.items() <= server.ready.items()
    assert 200 == server.client.get("/ping").status_code


def test_the_server_ignores_ctrl_c(server: RunningServer) -> None:
    """Its parent handles SIGINT."""
    os.kill(server.process.pid, signal.SIGINT)
    assert 200 == server.client.get("/ping").status_code
    assert server.process.poll() is None


def test_a_port_that_is_in_use_is_reported_before_the_model_is_loaded(tmp_path: Path) -> None:
    """The error names the port; a folder without a model is not even looked at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with start_server(tmp_path, f"--port={port}") as process:
            assert process.stderr is not None
            assert 1 == process.wait(60)
            assert f"port {port} cannot be used: Address already in use" in process.stderr.read().decode()


@pytest.mark.slow  # it loads torch once more
def test_a_server_without_a_pipe_serves_on_the_given_port(tiny_model: Path) -> None:
    """Standard input that is no pipe does not end it; SIGTERM does, at once."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with start_server(tiny_model, f"--port={port}", stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert port == json.loads(process.stdout.readline())["port"]
        process.terminate()
        process.communicate(timeout=20)
    assert -signal.SIGTERM == process.returncode


def test_the_server_ends_while_it_is_loading(tiny_model: Path) -> None:
    """Closing its standard input ends it before it was ever ready."""
    with start_server(tiny_model) as process:
        out, _ = process.communicate(timeout=20)  # closes standard input first
    assert (0, b"") == (process.returncode, out)
