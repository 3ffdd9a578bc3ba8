"""The prose check: which texts and names it reads, and which uses it allows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def _check(*paths: Path) -> tuple[int, list[str]]:
    command = [sys.executable, str(ROOT / "scripts" / "check_prose.py"), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    return done.returncode, done.stdout.splitlines()


def _found(tmp_path: Path, name: str, text: str) -> list[str]:
    """The words that the check finds in a file of this name and text."""
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return [line.split("'")[1] for line in _check(path)[1]]


def test_a_finding_names_the_line_the_word_and_what_to_write(tmp_path: Path) -> None:
    """One finding a line, in the form that editors turn into links; the exit code is 1."""
    page = tmp_path / "page.md"
    page.write_text("# Title\n\nThe run goes on.\n", encoding="utf-8")

    code, lines = _check(page)

    assert code == 1
    assert lines == [f"{page}:3: 'goes on' -> continue, resume, keep running"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It goes\n  on.", ["goes on"]),
        ("The error is told. Recommended, untold.", ["told"]),
        ("It has not a name.", ["has not"]),
        ("It has not been asked, has not yet ended, has not started and has not run.", []),
        ("Nobody can tell the two apart.", []),
        ("SQL knows BEGIN; a run does not begin.", ["begin"]),
    ],
)
def test_phrases_match_as_whole_words_outside_of_allowed_uses(tmp_path: Path, text: str, words: list[str]) -> None:
    """A phrase may cross a line; part of a word is no match; a use that the list allows is none."""
    assert words == _found(tmp_path, "page.md", text)


def test_a_modules_texts_and_own_names_are_read(tmp_path: Path) -> None:
    """Docstrings, comments, messages, and the names of classes, functions, arguments and variables."""
    module = '''
"""What is told."""
from other import elsewhere

class HeartBeat:
    pass  # goes
          # on

def f(struck):
    found = elsewhere.told
    return f"it has begun: {found}"
'''

    assert ["told", "HeartBeat", "goes # on", "struck", "found", "begun"] == _found(tmp_path, "module.py", module)


def test_of_tests_the_data_is_not_read(tmp_path: Path) -> None:
    """What a test compares may hold any word; its name, docstring and comments may not."""
    module = '''
def test_it_goes_on():
    """It is told."""
    found = "told"  # anew
'''

    assert ["test_it_goes_on", "told", "anew"] == _found(tmp_path, "tests/test_module.py", module)
