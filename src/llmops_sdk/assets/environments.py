"""Python environments as assets: packages that cannot be installed beside the SDK's own.

An environment of an asset is asked by the path of its interpreter, `bin/python` in the asset's folder. It can be used only
on a machine that has the interpreter it was built with.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs

from llmops_sdk.assets.sources import AssetSource
from llmops_sdk.assets.wheels import explain_pip_errors
from llmops_sdk.errors import AssetError
from llmops_sdk.progress import Progress

LOCK = "lock.txt"
"""The file in an environment's folder with the versions it was built from."""

# Runs a module as `python -m` does, and ends its process group when standard input ends: when the SDK is stopped or killed.
_RUN_MODULE = """
import os, runpy, signal, sys, threading
def watch():
    while os.read(0, 4096): pass
    os.killpg(0, signal.SIGKILL)
threading.Thread(target=watch, daemon=True).start()
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


@attrs.frozen
class EnvironmentSource(AssetSource):
    """Builds a virtual environment: exact versions of packages from the user's package index, installed by pip.

    Attributes:
        requirement: The package that is installed, with what it needs (`fmeval==1.2.3`).
        lock: A file with the exact version of each package (pip's `--constraint`). The asset should name its hash among
            its files, as `lock.txt`: another lock is then another version of the asset.
        pythons: The versions of Python that the packages support (`3.11`), the preferred one last.
        modules: Modules that must be importable.
    """

    requirement: str
    lock: Path
    pythons: tuple[str, ...]
    modules: tuple[str, ...]
    label: str = attrs.field(default="the package index", init=False)
    needs_network: bool = attrs.field(default=True, init=False)

    def fetch(self, folder: Path, *, home: Path, progress: Progress) -> Mapping[str, str]:
        """Make the environment, install the package, and import the modules."""
        base = find_python(self.pythons)
        shutil.copyfile(self.lock, folder / LOCK)
        with progress.task(f"installing {self.requirement} in an environment of its own"):
            _run(base, "venv", str(folder))
            python = str(environment_python(folder))
            # few of the modules are ever used; Python compiles those when they are imported
            options = ("--quiet", "--no-input", "--disable-pip-version-check", "--no-compile")
            _run(python, "pip", "install", *options, "--constraint", str(self.lock), self.requirement)
            _import(python, self.modules)
        _remove_scripts(folder)
        return {"package": self.requirement, "base": base}


def environment_python(folder: Path) -> Path:
    """Return the interpreter of an environment."""
    return folder / "bin" / "python"


def find_python(versions: Iterable[str]) -> str:
    """Return this interpreter if it has one of the versions, else the one on the PATH with the latest of them that runs.

    Raises:
        AssetError: There is none.
    """
    known = tuple(versions)
    own = _version(sys.executable)
    if own in known:
        return sys.executable
    for version in reversed(known):
        program = shutil.which(f"python{version}")
        if program and _version(program) == version:
            return program
    programs = ", ".join(f"python{version}" for version in reversed(known))
    message = f"it needs Python {' or '.join(known)}, this is Python {own}, and the PATH has no {programs} that runs"
    raise AssetError(message)


def _version(python: str) -> str:
    """Return the version of an interpreter, or an empty text if it does not run."""
    command = [python, "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()  # noqa: S603 - no shell
    except (OSError, subprocess.SubprocessError):
        return ""


def _run(python: str, module: str, *arguments: str) -> None:
    """Run a module to its end; where this process is stopped or killed, it ends at once.

    Raises:
        AssetError: It failed; the message has its output, of pip the reason alone.
    """
    process = subprocess.Popen(  # noqa: S603 - no shell
        [python, "-I", "-c", _RUN_MODULE, module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        start_new_session=True,
    )
    with process:
        output = process.stdout.read() if process.stdout else ""
    if process.returncode:
        reason = explain_pip_errors(output) if module == "pip" else f"{module}: {' '.join(output.split())}"
        raise AssetError(reason or f"{module} ended with exit code {process.returncode}")


def _import(python: str, modules: Iterable[str]) -> None:
    command = [python, "-I", "-c", f"import {', '.join(modules)}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    if done.returncode:
        message = f"it was installed, but cannot be imported: {done.stderr.strip().splitlines()[-1]}"
        raise AssetError(message)


def _remove_scripts(folder: Path) -> None:
    """Remove the commands of an environment, which start with the path of the folder it was built in; interpreters are links."""
    for path in environment_python(folder).parent.iterdir():
        if not path.is_symlink():
            path.unlink()
