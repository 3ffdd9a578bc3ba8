"""A command that belongs to this process, and its errors."""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from llmops_plugins.served.process import Process
from llmops_sdk import EndpointError, SpecError

from .waiting import eventually, is_running


def start(folder: Path, program: str, **variables: str) -> Process:
    return Process.start([sys.executable, "-c", program], folder / "log", variables)


def test_a_command_is_stopped_once(tmp_path: Path) -> None:
    """Stopping it again does nothing; it had a session of its own, which Ctrl-C in a terminal does not reach."""
    process = start(tmp_path, "import os, time; print(os.getpid(), os.getsid(0), flush=True); time.sleep(600)")
    pid, session = eventually(lambda: (tmp_path / "log").read_text().split())
    assert pid == session
    assert is_running(int(pid))
    process.stop()
    assert not process.is_running
    assert not is_running(int(pid))
    process.stop()
    assert -signal.SIGTERM == process.wait()


def test_a_command_that_ends_has_an_exit_code(tmp_path: Path) -> None:
    """That of the command, not of what runs it."""
    assert 3 == start(tmp_path, "import sys; sys.exit(3)").wait()
    assert 0 == start(tmp_path, "").wait()


@pytest.mark.parametrize(
    ("program", "error"),
    [
        (
            "print('one'); print('two\\rthree'); exit(3)",
            r"^the command exited with code 3 before it was ready; command: .* -c .*; last log lines: one / two / three \(log: .*log\)$",
        ),
        (
            "print('loading'); print('E error loading model: tensor x is not in the file'); print('more'); print('E fatal: no model'); exit(1)",
            r"errors in its log: E error loading model: tensor x is not in the file / E fatal: no model \(log: .*log\)$",
        ),
        ("raise ValueError('no such model')", r"errors in its log: ValueError: no such model \(log: .*log\)$"),
        ("import os; os.kill(os.getpid(), 9)", r"was killed by SIGKILL \(out of memory\?\) before it was ready; .* \(log: .*log\)$"),
    ],
)  # fmt: skip
def test_the_error_of_a_command_has_its_last_log_lines(tmp_path: Path, program: str, error: str) -> None:
    """Or those of them that are errors, and how it ended, and the command."""
    process = start(tmp_path, program)
    process.wait()
    with pytest.raises(EndpointError, match=error):
        process.raise_ended("before it was ready")


def test_all_threads_that_see_the_end_get_the_same_error(tmp_path: Path) -> None:
    """Each question that is being asked fails with it."""
    process = start(tmp_path, "import sys; sys.exit(3)")

    def error(_: int) -> str:
        with pytest.raises(EndpointError) as failure:
            process.raise_ended("while it was asked")
        return str(failure.value)

    with ThreadPoolExecutor(8) as pool:
        errors = set(pool.map(error, range(8)))
    assert 1 == len(errors)
    assert "exited with code 3 while it was asked" in errors.pop()


def test_only_the_end_of_a_long_log_is_read(tmp_path: Path) -> None:
    """A dozen lines."""
    process = start(tmp_path, "for number in range(100_000): print(number)")
    process.wait()
    assert "99999" == process.last_line()
    assert " / ".join(map(str, range(99_988, 100_000))) in str(process.failure("it failed"))
    assert "99987" not in str(process.failure("it failed"))


def test_a_program_that_cannot_be_started_is_an_error(tmp_path: Path) -> None:
    """With the reason."""
    with pytest.raises(EndpointError, match="'/no/such/program' cannot be started: No such file or directory"):
        Process.start(["/no/such/program"], tmp_path / "log")


def test_variables_are_passed_on_and_secrets_masked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference is replaced by the value of the variable, which the log does not have; one that is not set is an error."""
    monkeypatch.setenv("MY_TOKEN", "hf_very_secret")
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    program = "import os; print([os.environ.get(name) for name in ('HF_TOKEN', 'MODE', 'PYTHONSAFEPATH')])"
    start(
        tmp_path,
        f"{program}; assert os.environ['HF_TOKEN'] == 'hf_very_' + 'secret'",
        HF_TOKEN="env:MY_TOKEN",
        MODE="fast",
    ).wait()
    assert "['***', 'fast', None]\n" == (tmp_path / "log").read_text()
    with pytest.raises(SpecError, match="set the environment variable 'NOT_SET'"):
        start(tmp_path, program, HF_TOKEN="env:NOT_SET")


def test_a_supervisor_that_is_killed_leaves_no_command(tmp_path: Path) -> None:
    """Stopping the process kills what it ran."""
    process = start(tmp_path, "import os, time; print(os.getpid(), flush=True); time.sleep(600)")
    pid = int(eventually((tmp_path / "log").read_text))
    os.kill(process._supervisor.pid, signal.SIGKILL)
    process.stop()
    eventually(lambda: not is_running(pid))
    with pytest.raises(EndpointError, match="was killed by SIGKILL"):
        process.raise_ended("while it was asked")
