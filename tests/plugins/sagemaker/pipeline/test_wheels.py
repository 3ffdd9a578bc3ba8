"""Wheels of local code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from llmops_plugins.sagemaker.pipeline.wheels import build_wheel, pack_module
from llmops_sdk import SpecError

from .one_file import one_file_plugin


def test_pip_installs_a_packed_plugin(tmp_path: Path) -> None:
    """The RECORD of the wheel is correct."""
    source = tmp_path / "user"
    source.mkdir()
    wheel = pack_module("my-length", one_file_plugin(source, "pip_length"), tmp_path, with_code=True)
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--target",
        str(tmp_path / "to"),
    ]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)

    assert (tmp_path / "to" / "pip_length.py").is_file()


def test_a_plugin_without_a_file_is_refused(tmp_path: Path) -> None:
    """For example one made in a notebook; the error shows what to do."""
    with pytest.raises(SpecError, match="make it a package with an entry point"):
        pack_module("notebook", object(), tmp_path, with_code=True)


def test_a_failed_build_is_an_error(tmp_path: Path) -> None:
    """The error has the last lines of the builder."""
    source, staging = tmp_path / "source", tmp_path / "staging"
    source.mkdir()
    staging.mkdir()
    text = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n[project]\nname = "broken"\n'
    (source / "pyproject.toml").write_text(text, encoding="utf-8")

    with pytest.raises(SpecError, match="'broken' cannot be built into a wheel"):
        build_wheel("broken", source, staging)
