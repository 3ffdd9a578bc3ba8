"""The check of `llmops doctor` for FMEval."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from llmops_plugins.fmeval import checks, interpreter
from llmops_plugins.fmeval.interpreter import VARIABLE, fmeval_asset
from llmops_sdk.plugin import Finding

from .conftest import fake_python, python_with


def finding() -> Finding:
    (check,) = checks.checks()
    return check.run()


@pytest.mark.usefixtures("fmeval_nowhere", "home")
def test_a_missing_fmeval_is_a_warning_with_the_command_that_builds_its_environment() -> None:
    """It is optional."""
    text = "not on this machine; the evaluators 'fmeval-...' need it"

    assert Finding("warning", text, "llmops assets get fmeval") == finding()


def test_a_named_interpreter_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It must run, and have the version that is needed."""
    python = python_with(tmp_path, "1.2.3", "3.10.4", "0.3.13")
    monkeypatch.setenv(VARIABLE, python)
    assert Finding("ok", f"fmeval 1.2.3 with {python!r}") == finding()

    fake_python(tmp_path, "echo \"No module named 'ray'\" >&2; exit 1")
    problem = f"{python!r} is not a Python interpreter with fmeval that works: No module named 'ray'"
    assert Finding("error", problem, f"name another one in {VARIABLE}") == finding()


@pytest.mark.usefixtures("fmeval_nowhere")
def test_the_environment_is_tried(home: Path) -> None:
    """One that no longer works can be built again."""
    folder = home / "assets/fmeval"
    (folder / "bin").mkdir(parents=True)
    python = python_with(folder / "bin", "1.2.3", "3.10.4", "0.3.13")
    files = {name: {"size": 0, "sha256": digest} for name, digest in fmeval_asset().files.items()}
    for name in files:
        (folder / name).touch()
    (folder / "asset.json").write_text(json.dumps({"schema": 1, "files": files}))
    assert Finding("ok", f"fmeval 1.2.3 with {python!r}") == finding()

    fake_python(folder / "bin", "exit 127")
    assert "error" == finding().status
    assert f"delete '{folder}', then: llmops assets get fmeval" == finding().hint


def test_this_interpreter_is_tried_where_it_has_fmeval(monkeypatch: pytest.MonkeyPatch) -> None:
    """For those who installed the extra; its imports are tried too."""
    tried: list[tuple[str, tuple[str, ...]]] = []

    def try_it(python: str, modules: tuple[str, ...]) -> str:
        tried.append((python, modules))
        return ""

    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(interpreter, "_installed", lambda _name: interpreter.FMEVAL)
    monkeypatch.setattr(checks, "problem_with", try_it)

    assert Finding("ok", f"fmeval 1.2.3 with {sys.executable!r}") == finding()
    assert [(sys.executable, ("fmeval", "ray"))] == tried
