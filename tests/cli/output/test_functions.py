"""The functions of a file, as `llmops plugins` shows them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmops_sdk.cli.main import main

FILE = '''
from pathlib import Path
from llmops_sdk import dataset, metric


@metric
def brevity(output: str, reference, *, limit: int = 3, names: list[str] = []):
    """Words beyond the limit.

    And more.
    """


@dataset
def tickets(*, path: Path):
    return []
'''


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(FILE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)


def test_a_file_is_listed_with_what_its_functions_ask_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Each with its reference, its first line, and its options with types and defaults."""
    assert 0 == main(["plugins", "./mine.py"])

    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "./mine.py:brevity  (metric)" in lines
    assert "Words beyond the limit." in lines
    assert "asks for  output, reference" in lines
    assert "option    limit: int = 3" in lines
    assert "option    names: list[str] = []" in lines
    assert "./mine.py:tickets  (dataset)" in lines
    assert "asks for  nothing" in lines
    assert "option    path: Path" in lines


def test_one_function_can_be_read_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """An option without a default has none."""
    assert 0 == main(["plugins", "mine.py:tickets", "--json"])

    expected = {
        "kind": "dataset",
        "use": "mine.py:tickets",
        "summary": "",
        "asks_for": [],
        "options": [{"name": "path", "type": "Path"}],
    }
    assert [expected] == json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        ("mine.py:brevits", "'mine.py' has no function 'brevits' that is marked; did you mean 'brevity'?"),
        ("empty.py", "'empty.py' has no function that is marked with @metric, @dataset, @prompt, @target"),
        ("gone.py", "there is no file"),
    ],
)
def test_what_is_missing_is_named(use: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistake of the user, in one line."""
    Path("empty.py").touch()

    assert 2 == main(["plugins", use])
    assert message in capsys.readouterr().err
