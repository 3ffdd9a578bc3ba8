"""The interpreter that runs FMEval: whether it can, and the versions of its packages."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from llmops_plugins.fmeval import interpreter
from llmops_sdk import SpecError
from llmops_sdk.plugin.registry import Registry

from .conftest import fake_python

pytestmark = pytest.mark.usefixtures("ask_again")


@pytest.mark.parametrize(
    ("installed", "message"),
    [("", "fmeval is not installed: pip install"), ("1.0.1", "fmeval 1.0.1 is installed, but 1.2.3 is needed")],
)
def test_fmeval_must_be_installed(
    fmeval_registry: Registry, monkeypatch: pytest.MonkeyPatch, installed: str, message: str
) -> None:
    """In the interpreter that runs it, in the version whose algorithms these evaluators run."""
    monkeypatch.setattr(interpreter, "_installed", lambda: installed)
    with pytest.raises(SpecError, match=message):
        fmeval_registry.make("evaluator", "fmeval-qa-accuracy", {})


def test_fmeval_can_be_in_another_interpreter(
    fmeval_registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is then not needed in this one."""
    monkeypatch.setattr(interpreter, "_installed", lambda: "")
    python = fake_python(tmp_path, f"echo {interpreter.FMEVAL}")

    assert fmeval_registry.make("evaluator", "fmeval-qa-accuracy", {"python": python}).metrics


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("echo", "has no fmeval; install fmeval==1.2.3 there"),
        ("echo 1.0.0", "has fmeval 1.0.0; install fmeval==1.2.3 there"),
        ("exit 3", "is not a Python interpreter that runs"),
    ],
)
def test_an_interpreter_without_it_is_refused(
    fmeval_registry: Registry, tmp_path: Path, command: str, message: str
) -> None:
    """When the pipeline is built, not after the generations."""
    with pytest.raises(SpecError, match=message):
        fmeval_registry.make("evaluator", "fmeval-qa-accuracy", {"python": fake_python(tmp_path, command)})


def test_a_real_interpreter_is_asked() -> None:
    """Here this one, from outside."""
    try:
        installed = version("fmeval")
    except PackageNotFoundError:
        installed = ""
    assert (installed == interpreter.FMEVAL) == (interpreter.problem_with(sys.executable) == "")


def test_the_versions_of_a_real_interpreter() -> None:
    """Read from outside, those of this one are the same as from inside."""
    assert interpreter.versions("") == interpreter.versions(sys.executable)
    assert ["fmeval", "nltk", "bert-score"] == list(interpreter.versions(sys.executable))
