"""Functions of the user's own files in plans."""

from __future__ import annotations

import attrs
import pytest

from llmops_sdk.values.functions import (
    FileContent,
    Function,
    function_key,
    is_function,
    shown_options,
    split_reference,
)
from llmops_sdk.values.serial import from_json, to_json

FUNCTION = Function("lib/metrics.py", "brevity", "c0de", {"lib/metrics.py": "..."}, paths=("words",))


@pytest.mark.parametrize(
    ("use", "parts"),
    [
        ("./metrics.py:brevity", ("./metrics.py", "brevity")),
        ("metrics.py", ("metrics.py", "")),
        ("/a b/my metrics.py:brevity", ("/a b/my metrics.py", "brevity")),
    ],
)
def test_a_reference_names_a_file_and_a_function(use: str, parts: tuple[str, str]) -> None:
    """The name may be missing: the error then lists what the file has."""
    assert is_function(use)
    assert parts == split_reference(use)


@pytest.mark.parametrize("use", ["sample", "openai/gpt-4o-mini", "ollama/llama3.2:3b", "some.pyx:a", "ORG/NAME"])
def test_other_names_are_cards(use: str) -> None:
    """Short forms of models have slashes and colons too."""
    assert not is_function(use)


def test_a_function_is_named_by_its_file_without_its_folder() -> None:
    """The same function has the same name on every machine; it comes back from JSON as it was."""
    assert "metrics.py:brevity" == FUNCTION.reference
    assert FUNCTION == from_json(to_json(FUNCTION), Function)


def test_the_key_has_the_content_of_files_and_not_their_paths() -> None:
    """A file that was moved decides the same results."""
    function = attrs.evolve(FUNCTION, data={"words": FileContent("words.txt", "5ha", "YQ==")})

    expected = {"code": "c0de", "options": {"limit": 3}, "files": {"words": "5ha"}}
    assert expected == function_key(function, {"limit": 3, "words": "/a/words.txt"})


def test_people_see_the_options_and_not_the_source() -> None:
    """Options of a function stand beside those of its card; those of a plugin are as they are."""
    options = {"function": to_json(FUNCTION), "options": {"limit": 3}, "split": {"seed": 1}, "concurrency": 2}

    assert {"limit": 3, "seed": 1, "concurrency": 2} == shown_options(options)
    assert {"function": "linear", "options": 3} == shown_options({"function": "linear", "options": 3})
