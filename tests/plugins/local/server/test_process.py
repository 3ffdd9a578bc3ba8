from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

from llmops_plugins.local.server.process import ServerProcess
from llmops_sdk import EndpointError


def start(folder: Path, program: str) -> ServerProcess:
    """Start a Python program as if it were the server."""
    return ServerProcess.start([sys.executable, "-c", program], folder / "server.log")


def test_a_server_is_ready_when_it_prints_a_line(tmp_path: Path) -> None:
    """The line is JSON; what it prints on standard error is the log. It is stopped by closing its standard input."""
    program = "import sys; sys.stderr.write('loaded'); print('{\"port\": 5}', flush=True); sys.stdin.read()"
    server = start(tmp_path, program)
    assert {"port": 5} == server.wait_until_ready(20)
    assert "loaded" == (tmp_path / "server.log").read_text()
    server.stop()
    assert 0 == server.process.returncode


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (
            "import sys; sys.stderr.write('one\\ntwo\\n'); sys.exit(3)",
            r"^the server exited with code 3 before it was ready; last log lines: one / two \(log: .*server\.log\)$",
        ),
        (
            "import os; os.kill(os.getpid(), 9)",
            r"^the server was killed by SIGKILL \(out of memory\?\) before it was ready \(log: .*server\.log\)$",
        ),
        ('import sys; print(\'{"error": "a reason"}\'); sys.exit(1)', "^a reason$"),
    ],
)
def test_a_server_that_dies_is_an_error_with_its_last_log_lines(tmp_path: Path, program: str, message: str) -> None:
    """It names how the server ended, and where the rest of the log is; a reason that the server gives is enough."""
    server = start(tmp_path, program)
    with pytest.raises(EndpointError, match=message):
        server.wait_until_ready(20)
    server.stop()


def test_a_server_that_takes_too_long_is_an_error(tmp_path: Path) -> None:
    """It names the option to raise; the server can still be stopped."""
    server = start(tmp_path, "import sys; sys.stdin.read()")
    with pytest.raises(EndpointError, match=r"did not start within 0\.05 s: raise 'start_timeout'"):
        server.wait_until_ready(0.05)
    server.stop()
    assert server.process.poll() is not None


def test_only_this_process_gets_ctrl_c(tmp_path: Path) -> None:
    """A server has a session of its own and imports nothing from the working folder."""
    program = (
        "import os, json; print(json.dumps({'own': os.getsid(0) == os.getpid(), 'safe': os.environ['PYTHONSAFEPATH']}))"
    )
    server = start(tmp_path, program)
    assert {"own": True, "safe": "1"} == server.wait_until_ready(20)
    server.stop()
