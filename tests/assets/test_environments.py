"""Python environments as assets: built from a lock file with pip, without the network of these tests."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import psutil
import pytest

from llmops_sdk import AssetError, Progress
from llmops_sdk.assets import environments
from llmops_sdk.assets.asset import Asset, find_asset, get_asset
from llmops_sdk.assets.environments import environment_python, find_python
from llmops_sdk.plugin import EnvironmentSource, file_sha256

OWN = f"{sys.version_info[0]}.{sys.version_info[1]}"

# A process that builds an environment, with a module that never ends in place of pip.
BUILD = """
from llmops_sdk.assets import environments
environments._run(__import__("sys").executable, "http.server", "0", "--bind", "127.0.0.1")
"""


def package(index: Path, name: str, version: str, requires: str = "") -> None:
    """Write a wheel with one module, which has its version, and a command."""
    index.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(index / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", f"version = {version!r}\n")
        requirement = f"Requires-Dist: {requires}\n" if requires else ""
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requirement}")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/entry_points.txt", f"[console_scripts]\n{name} = {name}:main\n")
        wheel.writestr(f"{info}/RECORD", "")


def environment(lock: Path) -> Asset:
    """An environment with the package `tool`."""
    source = EnvironmentSource("tool==1.0", lock, pythons=(OWN,), modules=("tool", "part"))
    files = {"lock.txt": file_sha256(lock)}
    return Asset("tool", "a tool", 20_000_000, files=files, sources=(source,), on_request=True)


@pytest.mark.slow  # pip installs
def test_an_environment_has_the_versions_of_the_lock(index: Path, tmp_path: Path) -> None:
    """Not the latest ones; it works in its final folder, has no command that names another one, and depends on the lock."""
    package(index, "tool", "1.0", requires="part")
    package(index, "part", "1.0")
    package(index, "part", "2.0")
    lock = tmp_path / "versions.txt"
    lock.write_text("part==1.0\ntool==1.0\nunused==3\n")
    home = tmp_path / "home"

    folder = get_asset(environment(lock), home, progress=Progress())

    python = str(environment_python(folder))
    command = "import part, sys, tool; print(part.version, tool.version, sys.prefix)"
    shown = subprocess.run([python, "-I", "-c", command], capture_output=True, text=True, check=True).stdout
    assert f"1.0 1.0 {folder}\n" == shown
    assert all(path.is_symlink() for path in (folder / "bin").iterdir())
    assert folder == find_asset(environment(lock), home)
    lock.write_text("part==2.0\ntool==1.0\n")
    assert find_asset(environment(lock), home) is None


@pytest.mark.slow  # pip installs
def test_a_package_that_cannot_be_installed_is_reported_with_pips_reason(index: Path, tmp_path: Path) -> None:
    """Nothing is left of the attempt; the message names the command that repeats it."""
    package(index, "tool", "1.0", requires="part")
    lock = tmp_path / "versions.txt"
    lock.write_text("part==1.0\n")
    message = "the package index: pip: Cannot install tool==1.0 .*; .* run 'llmops assets get tool'"

    with pytest.raises(AssetError, match=message):
        get_asset(environment(lock), tmp_path / "home", progress=Progress())

    assert [".tool.lock"] == [path.name for path in (tmp_path / "home/assets").iterdir()]


def test_a_module_that_cannot_be_imported_is_reported() -> None:
    """With the error of the import."""
    with pytest.raises(
        AssetError, match=r"it was installed, but cannot be imported: .*No module named 'no_such_module'"
    ):
        environments._import(sys.executable, ("json", "no_such_module"))


def test_this_interpreter_is_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where the PATH has others."""
    monkeypatch.setenv("PATH", "")
    assert sys.executable == find_python(("2.7", OWN, "9.9"))


def test_another_interpreter_is_the_latest_one_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that does not run, such as a shim of pyenv for a version that is not chosen, is passed over."""
    for version, command in (("8.1", "echo 8.1"), ("8.2", "echo 8.2"), ("8.3", "exit 127"), ("8.4", "echo 8.2")):
        program = tmp_path / f"python{version}"
        program.write_text(f"#!/bin/sh\n{command}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")

    assert str(tmp_path / "python8.2") == find_python(("8.1", "8.2", "8.3", "8.4"))
    message = f"it needs Python 8.3 or 8.4, this is Python {OWN}, and the PATH has no python8.4, python8.3 that runs"
    with pytest.raises(AssetError, match=message):
        find_python(("8.3", "8.4"))


@pytest.mark.parametrize("name", [signal.SIGKILL, signal.SIGINT])
def test_pip_is_ended_with_the_process_that_started_it(name: signal.Signals) -> None:
    """Killed or interrupted: a later attempt must be the only one that writes into the folder."""
    with subprocess.Popen([sys.executable, "-c", BUILD], stderr=subprocess.DEVNULL) as builder:
        until = time.monotonic() + 60
        while not (children := psutil.Process(builder.pid).children()):
            assert time.monotonic() < until
            time.sleep(0.02)
        (child,) = children
        while not child.net_connections():  # it has started to serve, and to watch its parent
            assert time.monotonic() < until
            time.sleep(0.02)
        builder.send_signal(name)
    assert [] == psutil.wait_procs([child], timeout=30)[1]


def test_variables_of_python_do_not_reach_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PYTHONPATH could put a package before those of the lock."""
    (tmp_path / "venv.py").write_text("raise SystemExit(3)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    environments._run(sys.executable, "venv", "--help")
