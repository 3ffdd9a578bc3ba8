"""Users' programs under mypy and pyright, both strict: good ones pass, and each mistake is reported where it is."""

from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import attrs
import pytest
from mypy import api

from llmops_sdk import GenerationOptions, Pipeline

ROOT = Path(__file__).parents[2]
SOURCES = [str(ROOT / "src"), str(ROOT / "plugins")]
PROGRAMS = sorted((ROOT / "tests" / "typing").glob("*/*.py"))
MARK = "  # error: "


def expected() -> set[tuple[str, int]]:
    """Return file and line of every mistake."""
    return {
        (f"{path.parent.name}/{path.name}", number)
        for path in PROGRAMS
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if MARK in line
    }


def test_every_folder_of_programs_has_one_for_each_part_of_the_public_modules() -> None:
    """Mistakes are in the one folder only, several in each program."""
    assert {"accepted": 4, "refused": 4} == Counter(path.parent.name for path in PROGRAMS)
    assert {path.name for path in PROGRAMS} == {Path(file).name for file, _ in expected()}
    assert {"refused"} == {Path(file).parent.name for file, _ in expected()}
    assert len(expected()) > 30


@pytest.mark.slow
def test_mypy_reports_each_mistake_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Strict, with the project's settings: then `make lint` has filled the cache, without which it takes twenty seconds."""
    monkeypatch.setenv("MYPY_CONFIG_FILE_DIR", "")  # mypy sets it; this undoes it
    monkeypatch.chdir(ROOT)
    filled = ROOT / ".mypy_cache"
    cache = filled if filled.is_dir() else tmp_path
    options = ["--config-file", "pyproject.toml", "--cache-dir", str(cache), "--no-error-summary", "--no-pretty"]

    output, errors, _ = api.run([*options, *(path.relative_to(ROOT).as_posix() for path in PROGRAMS)])

    assert "" == errors
    places = re.findall(r"^tests/typing/(\w+/\w+\.py):(\d+): error: ", output, re.MULTILINE)
    assert expected() == {(file, int(line)) for file, line in places}, output


@pytest.mark.slow
def test_pyright_reports_each_mistake_and_nothing_else(tmp_path: Path) -> None:
    """Strict; it brings its own interpreter, and uses no network."""
    for folder in ("accepted", "refused"):  # pyright reads what is below its configuration
        shutil.copytree(ROOT / "tests" / "typing" / folder, tmp_path / folder)
    settings = {
        "typeCheckingMode": "strict",
        "pythonVersion": "3.10",
        "extraPaths": SOURCES,
        "reportUnusedImport": False,
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [sys.executable, "-m", "pyright", "--outputjson", "-p", str(tmp_path), "--pythonpath", sys.executable]
    environment = {**os.environ, "PYRIGHT_PYTHON_GLOBAL_NODE": "0", "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}

    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    errors = {
        ("/".join(Path(one["file"]).parts[-2:]), one["range"]["start"]["line"] + 1): one["message"]
        for one in json.loads(done.stdout)["generalDiagnostics"]
        if one["severity"] == "error"
    }
    assert expected() == errors.keys(), errors


def test_with_generation_has_a_parameter_for_each_option() -> None:
    """A new option of generation is given by name there too."""
    parameters = inspect.signature(Pipeline.with_generation).parameters

    assert [field.name for field in attrs.fields(GenerationOptions)] == list(parameters)[1:]
