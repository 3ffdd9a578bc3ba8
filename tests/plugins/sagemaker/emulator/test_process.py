"""Processes of the emulator: their end is that of everything that they started."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from llmops_plugins.sagemaker.emulator.process import GRACE_SECONDS, EmulatedProcess


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


@contextmanager
def running(process: EmulatedProcess, command: list[str], ready: Path) -> Iterator[list[int]]:
    """Run a command until the end of the block; yields a list that then has its exit code."""
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(process.run(command, cwd=ready.parent)))
    thread.start()
    until = time.monotonic() + 30
    while not ready.exists() and time.monotonic() < until:
        time.sleep(0.02)
    yield codes
    thread.join(30)


def is_running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def ends(pid: int) -> bool:
    """Return whether a process ends soon."""
    until = time.monotonic() + 5
    while is_running(pid) and time.monotonic() < until:
        time.sleep(0.01)
    return not is_running(pid)


def test_the_exit_code_is_returned_and_the_output_kept(tmp_path: Path) -> None:
    """The last line is what a failure shows."""
    process = EmulatedProcess(tmp_path / "log")

    assert 3 == process.run(shell("echo first; echo last >&2; exit 3"), cwd=tmp_path)
    assert "last" == process.last_line


CLEANING = (
    "import pathlib, signal, sys, time\n"
    "signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))\n"
    "try:\n"
    "    pathlib.Path('ready').touch()\n"
    "    time.sleep(300)\n"
    "finally:\n"
    "    time.sleep(0.5)\n"
    "    pathlib.Path('cleaned').touch()\n"
)


def test_a_stop_ends_everything(tmp_path: Path) -> None:
    """The shell, and the process that it started in a process group of its own."""
    process = EmulatedProcess(tmp_path / "log")
    command = ["/bin/bash", "-c", "set -m; sleep 300 & echo $! > pid.new; mv pid.new pid; wait"]
    with running(process, command, tmp_path / "pid") as codes:
        sleeping = int((tmp_path / "pid").read_text())
        assert is_running(sleeping)
        process.stop()

    assert 0 > codes[0]
    assert ends(sleeping)


def test_a_stop_gives_the_first_process_time_to_clean_up(tmp_path: Path) -> None:
    """As SageMaker does."""
    (tmp_path / "step.py").write_text(CLEANING, encoding="utf-8")
    process = EmulatedProcess(tmp_path / "log")
    with running(process, [sys.executable, "step.py"], tmp_path / "ready") as codes:
        start = time.monotonic()
        process.stop()

    assert [1] == codes
    assert (tmp_path / "cleaned").exists()
    assert time.monotonic() - start < GRACE_SECONDS


def test_a_stop_signals_the_first_process_alone(tmp_path: Path) -> None:
    """A shell passes nothing on: what it started is killed and cannot clean up."""
    (tmp_path / "step.py").write_text(CLEANING, encoding="utf-8")
    process = EmulatedProcess(tmp_path / "log")
    with running(process, shell(f"{sys.executable} step.py; true"), tmp_path / "ready"):
        process.stop()

    time.sleep(0.7)
    assert not (tmp_path / "cleaned").exists()


def test_a_timeout_ends_the_process(tmp_path: Path) -> None:
    """SageMaker stops a job after its time limit too."""
    assert 0 > EmulatedProcess(tmp_path / "log").run(["sleep", "300"], cwd=tmp_path, timeout=0.2)


def test_processes_left_behind_are_killed(tmp_path: Path) -> None:
    """At once, when the command has ended."""
    EmulatedProcess(tmp_path / "log").run(shell("sleep 300 & echo $! > pid"), cwd=tmp_path)

    assert ends(int((tmp_path / "pid").read_text()))
