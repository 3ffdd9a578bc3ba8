"""Finding and calling functions of files, and how their failures are described."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import SpecError
from llmops_sdk.functions.calls import bind, definitions_in, describe, find_function
from llmops_sdk.values.functions import Function

FILE = """
from llmops_sdk import metric, target
from helpers import fail

@metric
def brevity(output, reference="", *, limit: int = 3):
    return len(output) - limit

@metric
def broken(output):
    return fail()

@target
def ask(prompt):
    return prompt

def words(output):
    return 1
"""
FILES = {"mine.py": FILE, "helpers.py": "def fail():\n    return 1 / 0\n"}


def function(name: str) -> Function:
    return Function("mine.py", name, "", FILES)


def test_a_function_gets_what_it_asks_for() -> None:
    """Its options come from the plan, with their defaults; values that it does not ask for are left out."""
    bound = bind(function("brevity"), "metric", {"limit": 1})

    assert 4 == bound(output="short", prompt="not asked for")
    assert 2 == bind(function("brevity"), "metric", {})(output="short")
    assert ["brevity", "broken", "ask"] == list(definitions_in(FILES, "mine.py", None))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("brevety", r"'mine.py' has no metric 'brevety'; did you mean 'brevity'\?"),
        ("words", r"'words' in 'mine.py' is not marked as a metric: write @metric above it \(from llmops_sdk import metric\)"),
        ("ask", r"'ask' in 'mine.py' is a target, and is used as a metric"),
        ("", r"'mine.py' names a file, not a function of it; it has: brevity, broken"),
    ],
)  # fmt: skip
def test_another_function_is_refused(name: str, message: str) -> None:
    """The line names what the file has, or what to write."""
    with pytest.raises(SpecError, match=message):
        find_function(FILES, "mine.py", name, "metric", None)


def test_a_file_without_functions_is_refused() -> None:
    """One target in a file is written for the user."""
    with pytest.raises(SpecError, match="has no metric 'a', nor any other: write @metric above a function"):
        find_function({"mine.py": ""}, "mine.py", "a", "metric", None)
    with pytest.raises(SpecError, match=r"write mine\.py:ask"):
        find_function(FILES, "mine.py", "", "target", None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n1 / 0\n", r"'mine.py' cannot be imported: ZeroDivisionError: division by zero \(mine.py:2\)"),
        ("import sys\nsys.exit(3)\n", r"'mine.py' cannot be imported: it called sys.exit: 3 \(mine.py:2\)"),
        (
            "from helpers import nothing\n",
            r"cannot be imported: ImportError: cannot import name 'nothing'.*\(mine.py:1\)",
        ),
    ],
)
def test_a_file_that_cannot_be_imported_is_refused_with_its_line(text: str, message: str) -> None:
    """Whatever its code raises."""
    with pytest.raises(SpecError, match=message):
        find_function({"mine.py": text, "helpers.py": ""}, "mine.py", "a", "metric", Path("/home/me"))


def test_a_failure_is_described_with_the_deepest_own_line() -> None:
    """That of the helper, not of the library that it called."""
    bound = bind(function("broken"), "metric", {})
    with pytest.raises(ZeroDivisionError) as caught:
        bound(output="")

    assert "ZeroDivisionError: division by zero (helpers.py:2)" == describe(caught.value)
    assert "KeyError" == describe(KeyError())
