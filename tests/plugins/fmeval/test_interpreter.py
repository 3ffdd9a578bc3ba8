"""The interpreter that runs FMEval: which one is chosen, whether it can, and the versions behind the numbers."""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import attrs
import pytest

from llmops_plugins.fmeval import interpreter
from llmops_plugins.fmeval.interpreter import (
    VARIABLE,
    chosen_interpreter,
    find_interpreter,
    fmeval_asset,
    problem_with,
    versions,
)
from llmops_sdk import SpecError
from llmops_sdk.plugin import Context, file_sha256

from .conftest import fake_python, python_with

LOCK = Path(interpreter.__file__).with_name("lock.txt")


@pytest.mark.usefixtures("fmeval_nowhere")
def test_the_environment_is_used_where_no_other_interpreter_is_chosen(bare: Context, tmp_path: Path) -> None:
    """A step asks for the asset, which builds it where it is missing."""
    asked: list[str] = []

    def build(name: str) -> Path:
        asked.append(name)
        return tmp_path

    assert str(tmp_path / "bin/python") == find_interpreter(attrs.evolve(bare, asset=build), "")
    assert ["fmeval"] == asked


def test_the_option_comes_before_the_variable_and_the_variable_before_this_interpreter(
    bare: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of them asks for the asset. An interpreter is named by its path, also a relative one, or as a command."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(interpreter, "_installed", lambda _name: interpreter.FMEVAL)
    assert sys.executable == find_interpreter(bare, "")

    monkeypatch.setenv(VARIABLE, "sh")
    assert find_interpreter(bare, "").endswith("/sh")
    assert "/no/such/python" == find_interpreter(bare, "/no/such/python")
    monkeypatch.chdir(tmp_path)
    assert fake_python(tmp_path, "exit 0") == find_interpreter(bare, "./python")


@pytest.mark.usefixtures("fmeval_nowhere")
def test_another_version_in_this_interpreter_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The values are those of one version."""
    monkeypatch.setattr(interpreter, "_installed", lambda _name: "1.0.1")

    assert "" == chosen_interpreter("")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("printf '\\n\\n\\n'", "has no fmeval, but 1.2.3 is needed"),
        ("printf '1.0.0\\n\\n\\n'", "has fmeval 1.0.0, but 1.2.3 is needed"),
        ("echo 'no module' >&2; exit 1", "is not a Python interpreter with fmeval that works: no module"),
        ("exit 3", "is not a Python interpreter with fmeval that works: exit code 3"),
        ("echo hello", "is not a Python interpreter with fmeval that works: exit code 0"),
    ],
)
def test_an_interpreter_that_cannot_run_fmeval_has_a_reason(tmp_path: Path, command: str, message: str) -> None:
    """With its path."""
    python = fake_python(tmp_path, command)

    assert f"{python!r} {message}" == problem_with(python)


def test_a_program_that_is_missing_is_reported() -> None:
    """With the error of the system."""
    assert problem_with("/no/such/python").startswith("'/no/such/python' is not a Python interpreter that runs: ")


def test_a_real_interpreter_is_asked() -> None:
    """Here this one: from outside it has the same versions as from inside, and a module that it lacks is reported."""
    try:
        installed = version("fmeval")
    except PackageNotFoundError:
        installed = ""
    assert versions(sys.executable) == versions(sys.executable, ["json"])
    assert installed == versions(sys.executable)["fmeval"]
    with pytest.raises(SpecError, match="No module named 'no_such_module'"):
        versions(sys.executable, ["no_such_module"])


def test_an_interpreter_with_fmeval_has_no_problem(tmp_path: Path) -> None:
    """The versions of the other packages are free."""
    assert "" == problem_with(python_with(tmp_path, "1.2.3", "3.10.4", ""))


def test_the_asset_is_one_version_of_the_lock() -> None:
    """Another lock is another version; a run never builds it in passing."""
    asset = fmeval_asset()

    assert {"lock.txt": file_sha256(LOCK)} == asset.files
    assert asset.on_request


def test_the_lock_has_one_version_of_each_package_and_what_fmeval_needs() -> None:
    """For every supported Python; FMEval's own pins are in it, and NLTK's version that was withdrawn is not."""
    lines = [line.split(";") for line in LOCK.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    pins = [re.fullmatch(r"([a-z0-9-]+)==([\w.+!]+)", line[0].strip()) for line in lines]

    assert all(pins)
    locked = [(pin[1], pin[2]) for pin in pins if pin]
    assert {"1.2.3"} == {number for name, number in locked if name == "fmeval"}
    assert {"2.2.3"} == {number for name, number in locked if name == "pandas"}
    assert not {number for name, number in locked if name == "transformers" and not number.startswith("4.")}
    assert "3.10.1" not in {number for name, number in locked if name == "nltk"}
