from __future__ import annotations

import os
import signal
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


def test_the_server_ends_while_it_is_loading(tiny_model: Path) -> None:
    """Closing its standard input ends it before it was ever ready."""
    with start_server(tiny_model) as process:
        out, _ = process.communicate(timeout=20)  # closes standard input first
    assert (0, b"") == (process.returncode, out)
