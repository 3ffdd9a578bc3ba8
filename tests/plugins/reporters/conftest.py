"""A finished run, and reporters called for it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from llmops_sdk import Pipeline, Progress, Registry, Result, Run
from llmops_sdk.pipeline.reporting import report_as
from llmops_sdk.plugin import Runtime

from ... import environments
from ...report.tables.conftest import _states  # noqa: F401 - a fixture

Report = Callable[..., list[str]]
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


@pytest.fixture(scope="session")
def lm_eval_python(assets_home: Path) -> str:
    """An interpreter with lm-evaluation-harness, which uses the libraries that are installed here."""
    return environments.lm_eval_python(assets_home)


@pytest.fixture(scope="session")
def every_eval_ever_python(assets_home: Path) -> str:
    """An interpreter with the package of Every Eval Ever, which needs Python 3.12."""
    candidates = [shutil.which("python3.12"), *map(str, _pyenv().glob("3.12*/bin/python"))]
    python = next((path for path in candidates if path and _runs(path)), None)
    if python is None:
        if os.environ.get("LLMOPS_REQUIRE_TEST_DATA") == "1":
            pytest.fail("there is no python3.12")
        pytest.skip("there is no python3.12")
    name = f"every-eval-ever-{EVERY_EVAL_EVER}"
    return environments.environment(assets_home, name, f"every-eval-ever=={EVERY_EVAL_EVER}", python=python)


def _runs(python: str) -> bool:
    """Return whether an interpreter starts: that of pyenv may be a name only."""
    return subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode == 0


def _pyenv() -> Path:
    return Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
