"""Checks what a release ships in every supported Python: builds the wheel and the sdist, installs both, and uses the command line.

Usage: python scripts/check_pythons.py [3.10 ...]

The newest Python installs the wheel with pip and without constraints, as users do; the other installations are uv's, which links
files of its cache instead of copying them. The extras are left out except for one small one: torch is gigabytes for each Python,
and `make test` tests the rest in one of them. What is used: the version, the doctor, the examples, and a run of functions in a
file. Interpreters are those of uv or pyenv.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import attrs
from check_extras import PYTHONS, ROOT

LARGEST = 100.0  # MB that the packages of an installation without extras may have together
EXTRA = "bedrock"
MODULES = (
    "llmops_sdk.pipeline.pipeline",
    "llmops_sdk.plugin",
    "llmops_plugins.openai.deployer",
    "llmops_plugins.recorded.transport",
    "llmops_plugins.served.deployer",
    "llmops_plugins.bedrock.transport",
)
FUNCTIONS = '''from llmops_sdk import metric, target


@metric(higher_is_better=False)
def brevity(output: str, *, most: int = 2) -> float:
    """Words beyond the limit."""
    return max(0, len(output.split()) - most)


@target
def loud(prompt):
    return prompt.upper()
'''
PIPELINE = """
name: functions
datasets: [{use: jsonl, path: rows.jsonl}]
prompts: [plain]
models: [{use: "./functions.py:loud"}]
evaluators: [{use: "./functions.py:brevity", most: 3}]
"""
ROWS = "".join(f'{{"instruction": "Repeat", "context": "word {n}", "response": "WORD {n}"}}\n' for n in range(8))
UV = (sys.executable, "-m", "uv")


class CheckError(Exception):
    """A command failed, or its result is not what it should be."""


@attrs.frozen
class Release:
    """The files of a release, in a folder with the files of the runs."""

    folder: Path
    wheel: Path
    sdist: Path


def main(pythons: list[str]) -> int:
    """Check these Pythons, or all; return 1 if something fails."""
    chosen = pythons or list(PYTHONS)
    with tempfile.TemporaryDirectory(prefix="llmops-release-") as name:
        folder = Path(name)
        failed = [] if _passes("build", lambda: _build(folder)) else ["build"]
        if not failed:
            release = Release(folder, next(folder.glob("*.whl")), next(folder.glob("*.tar.gz")))
            with ThreadPoolExecutor(2) as pool:  # one unpacks while the other one runs
                passed = pool.map(
                    lambda python: _passes(python, lambda: _check(python, release, as_users_do=python == chosen[-1])),
                    chosen,
                )
                failed = [python for python, passes in zip(chosen, passed, strict=True) if not passes]
            failed += [] if _passes("uvx", lambda: _run_with_uvx(release, chosen[-1])) else ["uvx"]
    print(f"failed: {', '.join(failed)}" if failed else "wheel and sdist install and run in every Python")
    return 1 if failed else 0


def _passes(name: str, check: Callable[[], str]) -> bool:
    """Run one check, and print what it returns, or why it failed, and how long it took."""
    start = time.monotonic()
    try:
        text, passes = check(), True
    except CheckError as exc:
        text, passes = f"FAILED: {exc}", False
    print(f"{name:<6} {text}  {time.monotonic() - start:.0f} s", flush=True)
    return passes


def _build(folder: Path) -> str:
    _run([sys.executable, "-m", "hatchling", "build", "-d", str(folder)], ROOT)
    (folder / "functions.py").write_text(FUNCTIONS, encoding="utf-8")
    (folder / "functions.yaml").write_text(PIPELINE, encoding="utf-8")
    (folder / "rows.jsonl").write_text(ROWS, encoding="utf-8")
    return ", ".join(f"{path.name} {path.stat().st_size / 1e6:.1f} MB" for path in sorted(folder.glob("*sdk-*")))


def _check(python: str, release: Release, *, as_users_do: bool) -> str:
    """Install the wheel and use it, then the sdist in its place; return sizes and times."""
    clock = [time.monotonic()]
    environment = release.folder / python
    options = ["-q", "--no-python-downloads", "--python", python, *(["--seed"] if as_users_do else [])]
    _run([*UV, "venv", *options, str(environment)], release.folder)
    program = str(environment / "bin" / "python")
    with_uv = [*UV, "pip", "install", "-q", "--python", program, *_constraints()]
    with_pip = [
        program,
        "-m",
        "pip",
        "install",
        "-q",
        "--disable-pip-version-check",
        "--no-compile",
    ]  # Python compiles what is used
    install = with_pip if as_users_do else with_uv
    _run([*install, str(release.wheel)], release.folder)
    _run([*UV, "pip", "check", "-q", "--python", program], release.folder)
    clock.append(time.monotonic())

    _use(environment, "llmops", "doctor")
    _use(environment, "llmops", "examples")
    _use(environment, "llmops", "run", str(release.folder / "functions.yaml"), "-q")
    size, of_numpy = _megabytes(_packages(environment)), _megabytes(_packages(environment), "numpy")
    if size > LARGEST:
        message = f"the packages take {size:.0f} MB, more than {LARGEST:.0f}"
        raise CheckError(message)
    clock.append(time.monotonic())

    of_wheel = _shipped_files(environment)
    _run([*with_uv, "--no-deps", "--reinstall", str(release.sdist)], release.folder)  # uv builds it once for all
    different = {path for path, _ in of_wheel ^ _shipped_files(environment)}
    if different:
        message = f"wheel and sdist install different files: {', '.join(sorted(different)[:5])}"
        raise CheckError(message)
    _run([*with_uv, f"llmops-sdk[{EXTRA}]"], release.folder)
    _use(environment, "python", "-c", f"import {', '.join(MODULES)}")
    _use(environment, "llmops-sdk", "--version")
    clock.append(time.monotonic())
    wheel, used, sdist = (f"{end - start:.0f} s" for start, end in pairwise(clock))
    return f"{size:.0f} MB, {size - of_numpy:.0f} MB without numpy; wheel {wheel}, use {used}, sdist and extra {sdist}; in all"


def _use(environment: Path, program: str, *arguments: str) -> None:
    """Run a program of an environment in its folder."""
    _run([str(environment / "bin" / program), *arguments], environment)


def _constraints() -> list[str]:
    return ["--constraint", str(ROOT / "constraints.txt")]


def _run_with_uvx(release: Release, python: str) -> str:
    """Run the command that is called like the distribution, as `uvx llmops-sdk` does."""
    options = ["--no-python-downloads", "--python", python, *_constraints()]
    return _run([*UV, "tool", "run", *options, "--from", str(release.wheel), "llmops-sdk", "--version"], release.folder)


def _packages(environment: Path) -> Path:
    return next((environment / "lib").glob("python*/site-packages"))


def _shipped_files(environment: Path) -> set[tuple[str, str]]:
    """Return the files that an installation of ours has, with their hashes."""
    record = next(_packages(environment).glob("llmops_sdk-*.dist-info")) / "RECORD"
    with record.open(encoding="utf-8", newline="") as lines:
        rows = [(path, checksum) for path, checksum, _ in csv.reader(lines) if path.startswith("llmops_") and checksum]
    return {(path, checksum) for path, checksum in rows if not path.startswith(record.parent.name)}


def _megabytes(packages: Path, prefix: str = "") -> float:
    """Return the size of the packages whose folders start like this, as they are shipped: without bytecode, and without pip's."""
    folders = [path for path in packages.glob(f"{prefix}*") if not path.name.startswith(("pip", "setuptools"))]
    files = [path for folder in folders for path in (folder.rglob("*") if folder.is_dir() else [folder])]
    return sum(path.stat().st_size for path in files if path.is_file() and path.suffix != ".pyc") / 1e6


def _run(command: list[str], folder: Path) -> str:
    """Run a command in a folder, and return the last line of its output."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=_environment(folder))
    lines = (done.stderr + done.stdout if done.returncode else done.stdout).strip().splitlines() or [""]
    if done.returncode:
        reason = next((line for line in lines if line.startswith("error")), lines[-1])
        message = f"{' '.join([Path(command[0]).name, *command[1:]])}: {reason}"
        raise CheckError(message)
    return lines[-1]


def _environment(folder: Path) -> Mapping[str, str]:
    """Return an environment with a home of its own, in which the commands of pyenv find each of its versions."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    names = [path.name for python in PYTHONS for path in versions.glob(f"{python}.*")]
    own = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return {**own, "LLMOPS_HOME": str(folder / "home"), **({"PYENV_VERSION": ":".join(names)} if names else {})}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
