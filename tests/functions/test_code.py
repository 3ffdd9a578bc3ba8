"""The code that a function uses: what changes it, and what does not."""

from __future__ import annotations

import pytest

from llmops_sdk.functions.code import code_of

FILE = '''"""A file."""
from __future__ import annotations

import re

import helpers
from counting import words

LIMIT = 3
PATTERN = re.compile("a")


@metric
def first(output, *, limit: int = LIMIT):
    return words(output) - limit


@metric
def second(output):
    return bool(PATTERN.search(output)) + helpers.one()


class Kept:
    pass


if __name__ == "__main__":
    first("x")
'''
REGISTERING = """from registry import register

BOARD = {}

def also(function):
    BOARD[function.__name__] = function
    return function

@register
def one(text):
    return 1

@also
def two(text):
    return 2

class Three(Base):
    value = 3

four = register(lambda text: 4)

@functools.cache
def five():
    return 5

@metric
def first(output):
    return sum(function(output) for function in BOARD.values())
"""
HELPERS = {
    "counting.py": "def words(text):\n    return len(text)\n",
    "helpers.py": "from deeper import two\n\ndef one():\n    import counting\n    return two()\n",
    "deeper.py": "def two():\n    return 2\n",
}
FILES = {"mine.py": FILE, **HELPERS}


def changed(file: str, old: str, new: str) -> set[str]:
    """Return the functions whose code an edit changes."""
    assert old in FILES[file]
    edited = {**FILES, file: FILES[file].replace(old, new)}
    return {name for name in ("first", "second") if code_of(FILES, "mine.py", name) != code_of(edited, "mine.py", name)}


@pytest.mark.parametrize(
    ("file", "old", "new", "functions"),
    [
        ("mine.py", "- limit", "+ limit", {"first"}),
        ("mine.py", "LIMIT = 3", "LIMIT = 4", {"first"}),
        ("mine.py", "@metric\ndef first", "@metric(bounds=(0, 1))\ndef first", {"first"}),
        ("mine.py", 'compile("a")', 'compile("b")', {"second"}),
        ("mine.py", "    pass", "    kept = True", set()),
        ("mine.py", 'first("x")', 'first("y")', set()),
        ("mine.py", '"""A file."""', '"""A file of metrics."""\n', set()),
        ("mine.py", "LIMIT = 3\n", "LIMIT = 3\nre.purge()\n", {"first", "second"}),
        ("counting.py", "len(text)", "2", {"first", "second"}),
        ("deeper.py", "return 2", "return 3", {"second"}),
    ],
    ids=[
        "its lines", "a constant", "its decorator", "another's constant", "an unused class", "the script", "the docstring",
        "a statement", "a helper of both", "a helper of a helper",
    ],
)  # fmt: skip
def test_an_edit_changes_the_functions_that_use_it(file: str, old: str, new: str, functions: set[str]) -> None:
    """The file is one, but each function has its own part of it."""
    assert functions == changed(file, old, new)


@pytest.mark.parametrize("statement", ["VALUES = globals()", "from helpers import *"])
def test_hidden_names_make_everything_count(statement: str) -> None:
    """Where names are reached that the code does not show, any edit counts."""
    files = {**FILES, "mine.py": f"{FILE}\n{statement}\n"}
    edited = {**files, "mine.py": files["mine.py"].replace("    pass", "    kept = True")}

    assert code_of(files, "mine.py", "first") != code_of(edited, "mine.py", "first")


def test_names_in_branches_and_loops_count() -> None:
    """What `if`, `try` and `for` bind is code that runs for every function of the file."""
    text = (
        "try:\n    from fast import f\nexcept ImportError:\n    f = None\n\n@metric\ndef first(output):\n    return f\n"
    )
    other = text.replace("f = None", "f = 1")

    assert code_of({"mine.py": text}, "mine.py", "first") != code_of({"mine.py": other}, "mine.py", "first")


@pytest.mark.parametrize("separator", ["\x0c", "\x1c", "\u2028"], ids=["form feed", "file separator", "line separator"])
def test_lines_are_counted_as_python_counts_them(separator: str) -> None:
    """A character that other programs take for the end of a line does not hide an edit of a later function."""
    text = f'A = 1\nB = """{separator * 9}"""\n\n@metric\ndef first(output):\n    return 1\n'
    other = text.replace("return 1", "return 2")

    assert code_of({"mine.py": text}, "mine.py", "first") != code_of({"mine.py": other}, "mine.py", "first")


@pytest.mark.parametrize("edited", ["return 1", "return 2", "text: 4"])
def test_what_the_users_own_code_registers_counts(edited: str) -> None:
    """No name leads from the metric to it, so it always counts; what only others' code wraps does not."""
    files = {"mine.py": REGISTERING, "registry.py": "def register(function):\n    return function\n"}
    other = {**files, "mine.py": REGISTERING.replace(edited, edited + "0")}
    unused = {**files, "mine.py": REGISTERING.replace("return 5", "return 6")}

    assert code_of(files, "mine.py", "first") != code_of(other, "mine.py", "first")
    assert code_of(files, "mine.py", "first") == code_of(unused, "mine.py", "first")


def test_a_class_whose_base_is_the_users_own_counts() -> None:
    """Its base may keep it: `__init_subclass__`."""
    text = REGISTERING.replace("BOARD = {}", "BOARD = {}\n\nclass Base:\n    pass")
    files = {"mine.py": text, "registry.py": ""}
    other = {**files, "mine.py": text.replace("value = 3", "value = 4")}

    assert code_of(files, "mine.py", "first") != code_of(other, "mine.py", "first")
