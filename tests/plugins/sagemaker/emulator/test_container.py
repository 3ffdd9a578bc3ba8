"""Emulated containers: their environment, and `/opt/ml`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("boto3")

from llmops_plugins.sagemaker.emulator import sitecustomize
from llmops_plugins.sagemaker.emulator.container import EmulatedContainer, Machine

MACHINE = Machine(python=sys.executable, url="http://127.0.0.1:1", region="eu-west-1", install=False, config=Path("c"))


def test_the_users_environment_is_not_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only variables of the cache are; credentials are those of the emulated account."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "OPENAI_API_KEY", "HTTPS_PROXY", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, "mine")
    monkeypatch.setenv("LLMOPS_HOME", "/cache")
    container = EmulatedContainer(tmp_path, {"Environment": {"OF_THE_STEP": "1"}}, "job", MACHINE)
    variables = container._environment()

    assert "mine" not in variables.values()
    assert {"LLMOPS_HOME": "/cache", "OF_THE_STEP": "1", "AWS_DEFAULT_REGION": "eu-west-1"}.items() <= variables.items()
    assert MACHINE.url == variables["AWS_ENDPOINT_URL"]


def test_files_of_opt_ml_are_in_the_containers_folder(tmp_path: Path) -> None:
    """The SageMaker SDK has a fixed path for the reason of a failure."""
    (tmp_path / "sitecustomize.py").write_bytes(Path(str(sitecustomize.__file__)).read_bytes())
    (tmp_path / "output").mkdir()
    code = "open('/opt/ml/output/failure', 'w').write('reason'); open('other', 'w').write('x')"
    variables = {"PYTHONPATH": str(tmp_path), "LLMOPS_REHEARSAL_ROOT": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=variables, cwd=tmp_path, check=True)

    assert ("reason", "x") == ((tmp_path / "output" / "failure").read_text(), (tmp_path / "other").read_text())
