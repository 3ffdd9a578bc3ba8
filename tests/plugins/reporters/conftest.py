"""A finished run, and reporters called for it."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import site
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from llmops_sdk import Pipeline, Progress, Registry, Result, Run
from llmops_sdk.pipeline.reporting import report_as
from llmops_sdk.plugin import Runtime

from ...report.tables.conftest import _states  # noqa: F401 - a fixture

Report = Callable[..., list[str]]
LM_EVAL = "0.4.13"
EVERY_EVAL_EVER = "0.3.0"


class Lines(Progress):
    """Keeps the lines that are logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(name="result")
def _result(registry: Registry, tmp_path: Path, home: Path) -> Result:  # noqa: ARG001 - a cache of its own
    """Two candidates on two datasets, and one without a result."""
    pipeline = Pipeline.builder("echo").with_prompt("bare").with_evaluator("echo-score")
    for name, records in {"lines": 40, "more": 20}.items():
        pipeline = pipeline.with_dataset("lines", name=name, records=records)
    for name, voice in {"good": "loud", "bad": "quiet", "none": "mute"}.items():
        pipeline = pipeline.with_model("echo", name=name, voice=voice, fine_tune=False)
    return pipeline.run(store=tmp_path / "runs", registry=registry, progress=Progress())


@pytest.fixture(name="report")
def _report(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    """Call a reporter with options in an empty folder, and return the lines that it logs."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def report(run: Run, name: str, **options: object) -> list[str]:
        progress = Lines()
        report_as(run, name, options, Runtime(registry, tmp_path / "home", progress=progress))
        return progress.lines

    return report


def _environment(home: Path, name: str, python: str, *packages: str, with_ours: bool = False) -> str:
    """Return the interpreter of an environment with packages, built once on a machine; with those of this one too."""
    folder = home / "tests" / name
    if not folder.exists():
        draft = folder.with_name(f"{folder.name}.{secrets.token_hex(4)}")
        subprocess.run([python, "-m", "venv", str(draft)], check=True)
        if with_ours:
            (folder_of_packages,) = (draft / "lib").glob("python*/site-packages")
            ours = [path for path in site.getsitepackages() if Path(path).is_dir()]
            lines = [f"import site; site.addsitedir({path!r})\n" for path in ours]
            (folder_of_packages / "ours.pth").write_text("".join(lines), encoding="utf-8")
        install = [str(draft / "bin" / "python"), "-I", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*install, *packages], check=True)
        with contextlib.suppress(OSError):  # another process was first
            draft.replace(folder)
    return str(folder / "bin" / "python")


@pytest.fixture(scope="session")
def lm_eval_python(assets_home: Path) -> str:
    """An interpreter with lm-evaluation-harness, which uses the libraries that are installed here."""
    return _environment(assets_home, f"lm-eval-{LM_EVAL}", sys.executable, f"lm_eval=={LM_EVAL}", with_ours=True)


@pytest.fixture(scope="session")
def every_eval_ever_python(assets_home: Path) -> str:
    """An interpreter with the package of Every Eval Ever, which needs Python 3.12."""
    candidates = [shutil.which("python3.12"), *map(str, _pyenv().glob("3.12*/bin/python"))]
    python = next((path for path in candidates if path and _runs(path)), None)
    if python is None:
        if os.environ.get("LLMOPS_REQUIRE_TEST_DATA") == "1":
            pytest.fail("there is no python3.12")
        pytest.skip("there is no python3.12")
    return _environment(
        assets_home, f"every-eval-ever-{EVERY_EVAL_EVER}", python, f"every-eval-ever=={EVERY_EVAL_EVER}"
    )


def _runs(python: str) -> bool:
    """Return whether an interpreter starts: that of pyenv may be a name only."""
    return subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode == 0


def _pyenv() -> Path:
    return Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
