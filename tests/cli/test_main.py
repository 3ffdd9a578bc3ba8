"""The command line as a user meets it: a process, its output and its exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from llmops_sdk.cli import main as program
from llmops_sdk.errors import LLMOpsError, UserError

from .conftest import Command


def llmops(folder: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run `llmops` in a folder; the exit code must be the expected one."""
    environment = {**os.environ, "LLMOPS_HOME": str(folder / "home")}
    command = [sys.executable, "-m", "llmops_sdk.cli.main", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert code == done.returncode, done.stdout + done.stderr
    return done


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nosuch"], "no specification file and no example 'nosuch'; known: "),
        (["run", "quickstar"], "did you mean 'quickstart'?"),
        (["run", "missing.yaml"], "there is no specification file 'missing.yaml'"),
        (["run"], "name a specification file or example"),
        (["run", "--resume", "latest"], "there are no runs in "),
        (["run", "--resume", "latest", "--set", "a=b"], "--on, --set and --fresh are for new runs"),
        (["run", "--resume", "latest", "--detach"], "--detach is for new runs"),
        (["run", "quickstart", "--set", "models.0.use=smolm"], "no model is called 'smolm'; did you mean 'smollm2'?"),
        (["run", "quickstart", "--on", "cloud"], "no executor is called 'cloud'"),
        (["plan", "quickstart", "--set", "models.1.trainer.stps=3"], "no option 'stps'; did you mean 'max_steps'?"),
        (["show"], "start one with: llmops run FILE"),
        (["score", "-e", "{use: "], "is neither a name nor YAML"),
        (["plugins", "metric"], "no plugin offers 'metric'"),
        (["plugins", "modell"], "did you mean 'model'?"),
        (["plugins", "model", "smolm"], "no model is called 'smolm'; did you mean 'smollm2'?"),
        (["assets", "get"], "name assets, or --for FILE|EXAMPLE, or --all"),
        (["assets", "get", "wordnett"], "no asset is called 'wordnett'; did you mean 'wordnet'?"),
        (["examples", "show", "quick"], "did you mean 'quickstart'?"),
    ],
)
def test_a_mistake_is_one_message_and_code_2(arguments: list[str], message: str, llmops: Command, folder: Path) -> None:
    """A mistake that the user can fix is reported without a traceback, and nothing is written."""
    done = llmops(*arguments, code=2)

    assert message in done.err
    assert "Traceback" not in done.err
    assert not (folder / "llmops-runs").exists()


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UserError("fix this"), 2, "error: fix this\n"),
        (LLMOpsError("our fault"), 1, "error: our fault\n"),
        (KeyboardInterrupt(), 130, "stopped\n"),
        (click.exceptions.Abort(), 130, "stopped\n"),
    ],
)
def test_every_class_of_error_has_its_exit_code(
    error: BaseException, code: int, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message is printed to standard error, without a traceback."""

    def fail(*_arguments: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(program.cli, "main", fail)

    assert code == program.main([])
    assert message == capsys.readouterr().err


def test_a_fault_of_the_sdk_has_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody expected is not hidden."""
    monkeypatch.setattr(program.cli, "main", lambda *_arguments, **_options: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        program.main([])


@pytest.mark.parametrize("command", [["plugins"], ["plan", "quickstart"]])
def test_a_closed_pipe_is_no_error(command: list[str], tmp_path: Path) -> None:
    """`llmops plugins | head -1` ends quietly."""
    line = f"{sys.executable} -m llmops_sdk.cli.main {' '.join(command)} | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (0, "") == (done.returncode, done.stderr)
    assert 1 == len(done.stdout.splitlines())


def test_the_program_runs_as_a_process(tmp_path: Path) -> None:
    """The exit code of a command is that of the process."""
    assert "Usage: llmops [OPTIONS] COMMAND" in llmops(tmp_path, "-h").stdout
    assert "error: there is no specification file" in llmops(tmp_path, "run", "missing.yaml", code=2).stderr
