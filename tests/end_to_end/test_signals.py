"""Signals in the middle of a run: nothing that is billed is left, and the run can be resumed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from llmops_sdk.steps.signals import REPEATED_SECONDS
from llmops_sdk.testing import InstantEndpoint

PIPELINE = {
    "name": "stopped",
    "datasets": [{"use": "lines", "records": 40}],
    "prompts": ["bare"],
    "models": [{"use": "echo", "fine_tune": False}],
    "evaluators": ["echo-score"],
}

_PLUGIN = """
    import os, pathlib, sys, time
    import llmops_sdk.testing
    from llmops_sdk.plugin.registry import Registry
    from llmops_sdk.testing import EchoEndpoint

    folder = pathlib.Path(sys.argv.pop(1))

    class FileEndpoint(EchoEndpoint):
        def deploy(self, context, model):
            (folder / "endpoint").touch()
            return super().deploy(context, model)

        def delete(self, context, resource):
            time.sleep(float(os.environ.get("DELETE_SECONDS", "0")))
            (folder / "endpoint").unlink(missing_ok=True)

    llmops_sdk.testing.deployer.EchoEndpoint = FileEndpoint
    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    Registry.load = classmethod(lambda cls: registry)
"""
_COMMAND = """
    from llmops_sdk.cli.main import main
    sys.exit(main())
"""
_SCRIPT = """
    from llmops_sdk import Pipeline
    Pipeline.from_yaml("stopped.yaml").run()
"""


class Signalled:
    """Answers in capitals, and sends a signal to the client while it holds one of the requests."""

    def __init__(self, number: int, *, at: int = 3) -> None:
        self.number = number
        self.client: subprocess.Popen[str] | None = None
        self.started = threading.Event()
        self.sent = threading.Event()
        self._left = at
        self._lock = threading.Lock()

    def __call__(self, prompt: str) -> str:
        self.started.wait()
        with self._lock:
            self._left -= 1
            if not self._left and self.client is not None:
                os.kill(self.client.pid, self.number)
                self.sent.set()
        return prompt.upper()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_a_signal_deletes_the_endpoint_and_the_run_can_be_resumed(number: int, code: int, tmp_path: Path) -> None:
    """SIGTERM and SIGHUP end a run as Ctrl-C does: with what to type next, which then works."""
    with _stopped(tmp_path, number) as (ended, stderr):
        assert code == ended, stderr
        assert not (tmp_path / "endpoint").exists()
        command = next(line for line in stderr.splitlines() if line.startswith("completed work is saved"))
        assert "Traceback" not in stderr
        arguments = command.partition("resume with: llmops ")[2].split()
        resumed = _start(tmp_path, _COMMAND, *arguments, "-q")
        assert "" == resumed.communicate(timeout=60)[1]
        assert 0 == resumed.returncode


def test_a_script_gets_one_sentence(tmp_path: Path) -> None:
    """`Pipeline.run()` raises `RunInterrupted`; a script that does not catch it ends with its text, and no traceback."""
    with _stopped(tmp_path, signal.SIGTERM, program=_SCRIPT) as (ended, stderr):
        assert 128 + signal.SIGTERM == ended
    assert not (tmp_path / "endpoint").exists()
    assert "Traceback" not in stderr
    assert "was stopped; completed work is saved; resume with: llmops run --resume stopped-" in stderr


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    """A deletion that takes long can be cut short; the endpoint is then found by `llmops gc`."""
    endpoint = InstantEndpoint(signalled := Signalled(signal.SIGTERM))
    try:
        client = _start_run(tmp_path, endpoint.url, DELETE_SECONDS="60")
        signalled.client = client
        signalled.started.set()
        assert signalled.sent.wait(60)
        with pytest.raises(subprocess.TimeoutExpired):
            client.wait(2 * REPEATED_SECONDS)
        client.send_signal(signal.SIGTERM)
        client.communicate(timeout=20)
    finally:
        endpoint.close()

    assert -signal.SIGTERM == client.returncode
    assert (tmp_path / "endpoint").exists()
    shown = _start(tmp_path, _COMMAND, "show", "latest").communicate(timeout=60)[0]
    assert "delete them with: llmops gc --run stopped-" in shown


def test_a_program_keeps_its_own_handler(tmp_path: Path) -> None:
    """A program that handles SIGTERM itself is not asked to share it; what its handler raises ends the run in order."""
    own = """
        import signal
        def end(number, frame):
            print("own handler", file=sys.stderr)
            sys.exit(7)
        signal.signal(signal.SIGTERM, end)
    """
    program = textwrap.dedent(own) + textwrap.dedent(_SCRIPT)
    with _stopped(tmp_path, signal.SIGTERM, program=program) as (ended, stderr):
        assert 7 == ended, stderr
    assert "own handler" in stderr
    assert not (tmp_path / "endpoint").exists()


@contextmanager
def _stopped(folder: Path, number: int, program: str = _COMMAND) -> Iterator[tuple[int, str]]:
    """Run the pipeline, send a signal in the middle, and yield the exit code and standard error."""
    endpoint = InstantEndpoint(signalled := Signalled(number))
    try:
        signalled.client = _start_run(folder, endpoint.url, program)
        signalled.started.set()
        stderr = signalled.client.communicate(timeout=60)[1]
        yield signalled.client.returncode, stderr
    finally:
        endpoint.close()


def _start_run(folder: Path, url: str, program: str = _COMMAND, **variables: str) -> subprocess.Popen[str]:
    models = [{"use": "echo", "fine_tune": False, "deployer": {"url": url}}]
    (folder / "stopped.yaml").write_text(yaml.safe_dump({**PIPELINE, "models": models}), encoding="utf-8")
    return _start(folder, program, "run", "stopped.yaml", **variables)


def _start(folder: Path, program: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_PLUGIN) + textwrap.dedent(program), str(folder), *arguments],
        cwd=folder,
        env={**os.environ, "LLMOPS_HOME": str(folder / "home"), "PYTHONWARNINGS": "ignore", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
