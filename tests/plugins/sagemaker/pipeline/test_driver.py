"""The driver script of a container: SIGTERM to the shell alone reaches the command; no step starts with another SDK."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from llmops_plugins.sagemaker.pipeline.driver import adapted_driver
from llmops_sdk import SpecError

SCRIPT = """
#!/bin/bash
set -eu

printf "INFO: Bootstraping\\n"
python bootstrap.py "$@"

if [ -f "conda_env.txt" ]
then
    printf "INFO: python -m sagemaker.remote_function.invoke_function \\n"
    $conda_exe run -n env python -m sagemaker.remote_function.invoke_function "$@"
else
    python -m sagemaker.remote_function.invoke_function "$@"
fi
"""
"""As the SDK's own script, with shorter commands."""

STEP = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.default_int_handler)
name = pathlib.Path(sys.argv[1])
name.with_suffix(".started").touch()
try:
    time.sleep(float(sys.argv[2]))
except KeyboardInterrupt:
    time.sleep(0.5)
    name.with_suffix(".cleaned").touch()
    sys.exit(1)
sys.exit(int(sys.argv[3]))
"""
"""A command of the driver: marks that it has started and that it has cleaned up."""

VERSION = "2.257.7"


def install(folder: Path, version: str) -> None:
    """Put a distribution `sagemaker` into a folder, which hides the one of this environment."""
    for old in folder.glob("*.dist-info"):
        shutil.rmtree(old)
    metadata = folder / f"sagemaker-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: sagemaker\nVersion: {version}\n", encoding="utf-8")


def driver(folder: Path, *, bootstrap: str = "0 0", function: str = "0 0") -> Path:
    """Write a driver whose two commands take seconds and end with an exit code; return its path."""
    (folder / "step.py").write_text(STEP, encoding="utf-8")
    script = SCRIPT.replace("bootstrap.py", f"step.py bootstrap {bootstrap}")
    script = adapted_driver(script, VERSION).replace("python step", f"{sys.executable} step")
    install(folder, VERSION)
    script = script.replace("llmops_run python -c", f"PYTHONPATH={folder} llmops_run {sys.executable} -c")
    script = script.replace("/opt/ml/output", str(folder))
    last = f"{sys.executable} step.py function {function}"
    script = script.replace("llmops_run python -m sagemaker.remote_function.invoke_function", f"llmops_run {last}")
    path = folder / "job_driver.sh"
    path.write_text(script, encoding="utf-8")
    return path


@contextmanager
def started(command: list[str], folder: Path, ready: str) -> Iterator[tuple[psutil.Popen, list[psutil.Process]]]:
    """Start a command and wait for a file; yields it and its children, which are killed at the end of the block."""
    process = psutil.Popen(command, cwd=folder, start_new_session=True)
    until = time.monotonic() + 30
    while not (folder / ready).exists():
        assert process.poll() is None, "it ended early"
        assert time.monotonic() < until
        time.sleep(0.02)
    children = process.children(recursive=True)
    try:
        yield process, children
    finally:
        for child in (*children, process):
            with suppress(psutil.NoSuchProcess):
                child.kill()
        process.wait()


def test_a_signal_to_the_shell_reaches_the_command(tmp_path: Path) -> None:
    """The command cleans up; the shell waits for it."""
    command = ["/bin/bash", str(driver(tmp_path, function="60 0"))]
    with started(command, tmp_path, "function.started") as (shell, children):
        os.kill(shell.pid, signal.SIGTERM)

        assert 143 == shell.wait(10)
        assert [] == psutil.wait_procs(children, timeout=10)[1]
    assert (tmp_path / "function.cleaned").exists()


def test_a_shell_without_the_change_passes_nothing_on(tmp_path: Path) -> None:
    """The command is left running: this is what the change is for."""
    path = driver(tmp_path, function="60 0")
    path.write_text(path.read_text(encoding="utf-8").replace("trap llmops_stop TERM", ""), encoding="utf-8")
    with started(["/bin/bash", str(path)], tmp_path, "function.started") as (shell, children):
        os.kill(shell.pid, signal.SIGTERM)

        shell.wait(10)
        assert 1 == len(psutil.wait_procs(children, timeout=1)[1])
    assert not (tmp_path / "function.cleaned").exists()


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs PID namespaces of Linux")
def test_process_1_of_a_container_passes_the_signal_on(tmp_path: Path) -> None:
    """The kernel ignores SIGTERM to process 1 unless it has a handler: a shell without one never ends."""
    namespace = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]
    if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine allows no PID namespaces")
    command = [*namespace, "/bin/bash", str(driver(tmp_path, function="60 0"))]
    with started(command, tmp_path, "function.started") as (unshare, _children):
        (first,) = unshare.children()
        first.send_signal(signal.SIGTERM)

        assert 143 == unshare.wait(10)
    assert (tmp_path / "function.cleaned").exists()


def test_nothing_starts_after_a_signal(tmp_path: Path) -> None:
    """A container that is stopped while it installs packages does not call the function."""
    path = driver(tmp_path, bootstrap="60 0")
    with started(["/bin/bash", str(path)], tmp_path, "bootstrap.started") as (shell, _children):
        os.kill(shell.pid, signal.SIGTERM)

        assert 143 == shell.wait(10)
    assert not (tmp_path / "function.started").exists()


@pytest.mark.parametrize(("bootstrap", "function", "code"), [("0 0", "0 0", 0), ("0 0", "0 7", 7), ("0 3", "0 0", 3)])
def test_the_exit_code_is_that_of_the_command_that_failed(
    bootstrap: str, function: str, code: int, tmp_path: Path
) -> None:
    """As without the change; after a failed bootstrap, the function is not called."""
    path = driver(tmp_path, bootstrap=bootstrap, function=function)

    assert code == subprocess.run(["/bin/bash", str(path)], cwd=tmp_path, check=False).returncode
    assert (tmp_path / "function.started").exists() == (bootstrap == "0 0")


@pytest.mark.parametrize(
    ("old", "new"),
    [("set -eu", "set -e"), ("    python -m", "    nice python -m"), ("    $conda_exe run", "    micromamba run")],
)
def test_another_script_is_refused(old: str, new: str) -> None:
    """A container that ignores SIGTERM would leave its endpoint."""
    with pytest.raises(SpecError, match=r"another job_driver\.sh: this version of it is not supported"):
        adapted_driver(SCRIPT.replace(old, new), VERSION)


@pytest.mark.parametrize("other", ["3.27.0", "2.253.1"])
def test_another_version_of_the_sdk_is_one_line(other: str, tmp_path: Path) -> None:
    """The step is not called, and SageMaker gets the same line as the reason of the failure."""
    path = driver(tmp_path)
    install(tmp_path, other)
    ended = subprocess.run(["/bin/bash", str(path)], cwd=tmp_path, check=False, capture_output=True, text=True)

    expected = (
        f"this container has sagemaker {other}, and the step was pickled by sagemaker {VERSION}: one reads no pickles of the other; let the"
        " image and its requirements have that version"
    )
    assert (1, expected) == (ended.returncode, ended.stderr.strip())
    assert expected == (tmp_path / "failure").read_text(encoding="utf-8")
    assert not (tmp_path / "function.started").exists()


def test_the_check_runs_in_the_conda_environment_of_the_step() -> None:
    """The step's own Python has the SDK that counts."""
    script = adapted_driver(SCRIPT, VERSION)

    assert f'    llmops_run $conda_exe run -n env python -c "$llmops_version" {VERSION}\n' in script
    assert 2 == script.count(f'python -c "$llmops_version" {VERSION}\n')
