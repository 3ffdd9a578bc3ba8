"""The documentation tells what is there: hooks, commands, errors, and examples that run."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from llmops_sdk import errors
from llmops_sdk.plugin import hookspecs

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
HOOKS = [name for name in dir(hookspecs) if name.startswith("llmops_")]


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented_and_used(hook: str) -> None:
    """A hook has a heading in the docs, a docstring, and a shipped plugin that implements it."""
    page = (DOCS / "reference" / "hooks.md").read_text(encoding="utf-8")
    plugins = [path.read_text(encoding="utf-8") for path in (ROOT / "plugins").rglob("hooks.py")]

    assert f"## {hook}\n" in page
    assert inspect.getdoc(getattr(hookspecs, hook))
    assert any(f"def {hook}(" in text for text in plugins)


def test_the_command_line_page_is_what_the_commands_say() -> None:
    """The page is generated; it fails here when a command has changed since."""
    subprocess.run([sys.executable, str(ROOT / "scripts" / "cli_reference.py"), "--check"], check=True)


def test_the_tree_of_errors_is_drawn_in_full() -> None:
    """Every error class stands in the drawing at the top of its module."""
    classes = [name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, Exception)]

    assert len(classes) > 8
    for name in classes:
        assert name in (errors.__doc__ or "")


def test_links_between_pages_lead_somewhere() -> None:
    """A relative link in README or docs names a file that is there."""
    pages = [ROOT / "README.md", *DOCS.rglob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_snippets_of_the_docs_are_files() -> None:
    """What a page includes is a file of the examples or of the tests, and so is run by them."""
    for page in DOCS.rglob("*.md"):
        for name in re.findall(r'--8<-- "([^"]+)"', page.read_text(encoding="utf-8")):
            assert (ROOT / name).exists() or (ROOT / "tests" / "third_party" / name).exists(), f"{page.name}: {name}"
