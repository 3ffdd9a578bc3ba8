"""Finding programs, and how to get one that is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from llmops_plugins.served import programs
from llmops_plugins.served.programs import CONVERT_VARIABLE, find_convert_script, find_program
from llmops_sdk import SpecError


def test_a_program_that_is_not_there_is_an_error() -> None:
    """With how to get it; a variable before the command is pointed out."""
    with pytest.raises(SpecError, match="there is no program 'no-such-server'; buy one"):
        find_program("no-such-server", None, "buy one")
    with pytest.raises(
        SpecError, match="there is no program 'TOKEN=1'; variables of the environment are written in env"
    ):
        find_program("TOKEN=1", None, "buy one")


def test_a_program_is_looked_for_where_the_server_would_find_it(tmp_path: Path) -> None:
    """In the given PATH, or at its path."""
    assert sys.executable == find_program(sys.executable, None, "")
    program = tmp_path / "my-server"
    program.write_text("#!/bin/sh\n")
    with pytest.raises(SpecError):  # it cannot be executed
        find_program("my-server", str(tmp_path), "")
    program.chmod(0o700)
    assert str(program) == find_program("my-server", str(tmp_path), "")


def test_the_script_that_converts_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name or in the environment variable; without it, the error names how to get it."""
    monkeypatch.delenv(CONVERT_VARIABLE, raising=False)
    with pytest.raises(SpecError) as missing:
        find_convert_script("")
    for text in ("convert_hf_to_gguf.py", "llama-cpp-python", "convert_script", CONVERT_VARIABLE):
        assert text in str(missing.value)
    script, other = tmp_path / "convert_hf_to_gguf.py", tmp_path / "other.py"
    with pytest.raises(SpecError, match=f"there is no script '{script}'"):
        find_convert_script(str(script))
    script.touch()
    other.touch()
    monkeypatch.setenv(CONVERT_VARIABLE, str(script))
    assert (script, other) == (find_convert_script(""), find_convert_script(str(other)))
    monkeypatch.setattr(programs, "SCRIPT_MODULES", ("json", "no_such_module", "another_one"))
    with pytest.raises(SpecError, match="needs no_such_module and another_one: pip install no_such_module another_one"):
        find_convert_script("")
