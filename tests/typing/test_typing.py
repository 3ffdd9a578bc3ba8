"""Users' programs under a type checker: mistakes in options are errors, good code passes."""

from __future__ import annotations

import inspect
from pathlib import Path

import attrs
import pytest
from mypy import api

from llmops_sdk import GenerationOptions, Pipeline

ROOT = Path(__file__).parents[2]


@pytest.fixture(name="mypy_cache")
def _mypy_cache(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A cache that pytest keeps between sessions: without one, mypy takes ten seconds."""
    cache = request.config.cache if hasattr(request.config, "cache") else None
    return Path(cache.mkdir("mypy")) if cache else tmp_path


def test_mypy_accepts_good_programs_and_refuses_mistakes(
    mypy_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the samples every mistake is ignored, and an ignore that is not needed would be an error."""
    mistake = tmp_path / "mistake.py"
    mistake.write_text(
        "from llmops_sdk import Pipeline\n\nPipeline.builder().with_generation(max_new_token=3)\n", encoding="utf-8"
    )
    monkeypatch.setenv("MYPY_CONFIG_FILE_DIR", "")  # mypy sets it; this undoes it
    monkeypatch.chdir(ROOT)
    samples = Path(__file__).with_name("samples.py").relative_to(ROOT)

    output, errors, _ = api.run(
        ["--config-file", "pyproject.toml", "--cache-dir", str(mypy_cache), str(samples), str(mistake)]
    )

    assert "" == errors
    lines = output.splitlines()
    assert 'error: Unexpected keyword argument "max_new_token" for "with_generation"' in lines[0]
    assert "Found 1 error in 1 file (checked 2 source files)" == lines[-1]


def test_with_generation_has_a_parameter_for_each_option() -> None:
    """A new option of generation is given by name there too."""
    parameters = inspect.signature(Pipeline.with_generation).parameters

    assert [field.name for field in attrs.fields(GenerationOptions)] == list(parameters)[1:]
