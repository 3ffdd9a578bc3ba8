"""The process between a run and a command: the command and what it starts end with the run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from llmops_plugins.served import supervisor

from .waiting import eventually, is_running

FAMILY = """
    # A command with a child in its group, one in a session of its own, and one that its parent has left behind.
    import os, subprocess, sys, time
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    child = subprocess.Popen(sleep)
    apart = subprocess.Popen(sleep, start_new_session=True)
    daemon = subprocess.run(
        [sys.executable, "-c", f"import subprocess; print(subprocess.Popen({sleep!r}, start_new_session=True, stdout=2).pid)"],
        stdout=subprocess.PIPE, text=True, check=True,
    ).stdout
    print(os.getpid(), child.pid, apart.pid, daemon, flush=True)
"""
WAIT, EXIT = "    time.sleep(600)", "    sys.exit(3)"


Start = Callable[..., "Supervised"]


class Supervised:
    """A supervisor, and the log of its command."""

    def __init__(self, folder: Path, program: str, *masked: str, grace: float = 5.0, **variables: str) -> None:
        self.log = folder / "log"
        command = [sys.executable, "-c", textwrap.dedent(program)]
        self.process = subprocess.Popen(
            [sys.executable, "-I", supervisor.__file__, str(self.log), str(grace), *masked, "--", *command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **variables},
        )  # fmt: skip
        self.pid = int(self.report()["pid"])

    def report(self) -> dict[str, int]:
        assert self.process.stdout is not None
        values: dict[str, int] = json.loads(self.process.stdout.readline())
        return values

    def end(self) -> int:
        """Close the pipe, as the end of a run does, and return the command's exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert 0 == self.process.wait(30)
        return self.report()["code"]


@pytest.fixture(name="start")
def _start(tmp_path: Path) -> Iterator[Start]:
    """Start supervisors of programs; those that still run at the end of the test are killed."""
    started: list[Supervised] = []

    def start(program: str, *masked: str, grace: float = 5.0, **variables: str) -> Supervised:
        started.append(Supervised(tmp_path, program, *masked, grace=grace, **variables))
        return started[-1]

    yield start
    for each in started:
        with each.process:
            each.process.kill()


def pids_of_family(log: Path) -> list[int]:
    return [int(pid) for pid in eventually(lambda: log.read_text().split())]


def test_the_end_of_the_run_ends_the_command_and_all_that_it_started(start: Start) -> None:
    """A child, one in another session, and one that was left behind by its parent."""
    family = start(FAMILY + WAIT)
    pids = pids_of_family(family.log)
    assert [True] * 4 == [is_running(pid) for pid in pids]
    assert pids[0] == family.pid
    assert -signal.SIGTERM == family.end()
    assert [False] * 4 == [is_running(pid) for pid in pids]


def test_a_command_that_exits_takes_its_descendants_along(start: Start) -> None:
    """The exit code is reported."""
    family = start(FAMILY + EXIT)
    pids = pids_of_family(family.log)
    assert 0 == family.process.wait(30)
    assert 3 == family.report()["code"]
    assert [False] * 4 == [is_running(pid) for pid in pids]


def test_a_command_that_ignores_sigterm_is_killed(start: Start) -> None:
    """After the time that it has to end."""
    stubborn = start(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)",
        grace=0.3,
    )
    eventually(stubborn.log.read_text)
    assert -signal.SIGKILL == stubborn.end()


def test_a_command_may_end_in_order(start: Start) -> None:
    """What it prints after SIGTERM is in the log."""
    program = """
        import signal, sys, time
        def end(*_):
            print("goodbye", flush=True)
            sys.exit(7)
        signal.signal(signal.SIGTERM, end)
        print("ready", flush=True)
        time.sleep(600)
    """
    polite = start(program)
    eventually(polite.log.read_text)
    assert 7 == polite.end()
    assert "ready\ngoodbye\n" == polite.log.read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no signal at the parent's death")
def test_the_command_ends_with_a_supervisor_that_is_killed(start: Start) -> None:
    """The system kills it."""
    sleeper = start("import time; time.sleep(600)")
    sleeper.process.kill()
    eventually(lambda: not is_running(sleeper.pid))


def test_a_lot_of_output_neither_stops_the_command_nor_fills_the_disk(start: Start) -> None:
    """The newest part is kept: between one and two times the longest log."""
    lines = 3 * supervisor.LOG_BYTES // 1024
    loud = start(f"import sys\nfor n in range({lines}): print(str(n).zfill(1023))\nsys.stderr.write('the end')")
    assert 0 == loud.process.wait(60)
    assert 0 == loud.report()["code"]
    assert loud.log.read_text().endswith("the end")
    kept = sum(path.stat().st_size for path in loud.log.parent.iterdir())
    assert supervisor.LOG_BYTES <= kept <= 2 * supervisor.LOG_BYTES + 1024


def test_secrets_are_masked_in_the_log(start: Start) -> None:
    """Also one that arrives in two parts; a line without an end is written at the end."""
    program = """
        import os, sys, time
        token = os.environ["TOKEN"]
        sys.stdout.write(f"a {token} b\\n{token[:5]}")
        sys.stdout.flush()
        time.sleep(0.5)
        sys.stdout.write(token[5:])
    """
    secret = start(program, "TOKEN", TOKEN="sk-a-secret-token")
    assert 0 == secret.process.wait(30)
    assert "a *** b\n***" == secret.log.read_text()


def test_a_program_that_cannot_be_started_is_reported(tmp_path: Path) -> None:
    """With its name and the reason."""
    done = subprocess.run(
        [sys.executable, "-I", supervisor.__file__, str(tmp_path / "log"), "1", "--", "no-such-program"],
        stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )  # fmt: skip
    assert (1, b"") == (done.returncode, done.stderr)
    assert {"error": "'no-such-program' cannot be started: No such file or directory"} == json.loads(done.stdout)
