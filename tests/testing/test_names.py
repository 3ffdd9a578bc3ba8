"""The public names of the kit: importing the package loads none of them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import llmops_sdk.testing


def test_the_names_agree() -> None:
    """`__all__`, the lazy table and the names for type checkers are the same, and each can be loaded."""
    source = ast.parse(Path(str(llmops_sdk.testing.__file__)).read_text(encoding="utf-8"))
    (checked,) = (node for node in source.body if isinstance(node, ast.If))
    imported = {
        (f"{node.module}".removeprefix("llmops_sdk."), alias.asname)
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }

    assert imported == {(module, name) for name, module in llmops_sdk.testing._HOME_OF.items()}
    assert {"llmops_cards", "llmops_settings", *llmops_sdk.testing._HOME_OF} == set(llmops_sdk.testing.__all__)
    assert llmops_sdk.testing.__all__ == sorted(llmops_sdk.testing.__all__) == dir(llmops_sdk.testing)
    for name in llmops_sdk.testing.__all__:
        assert getattr(llmops_sdk.testing, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        llmops_sdk.testing.no_such_name  # noqa: B018 - the access is what fails


def test_importing_the_package_loads_no_part_of_it() -> None:
    """Of this project, only the hook's marker."""
    program = "import sys, llmops_sdk.testing\nprint(*(name for name in sys.modules if name.startswith('llmops_sdk.testing')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ["llmops_sdk.testing"] == done.stdout.split()
