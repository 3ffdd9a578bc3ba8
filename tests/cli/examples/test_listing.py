"""The list of examples, and their files."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from llmops_sdk.cli.catalog import find_example, list_examples

from ..conftest import Command

if TYPE_CHECKING:
    import pytest


def test_the_examples_are_listed(llmops: Command) -> None:
    """One line an example, the quickstart first; with and without the command `list`, and as JSON."""
    listed = llmops("examples", "list")

    assert listed.out == llmops("examples").out
    assert listed.out.splitlines()[1].startswith("quickstart ")
    entries = json.loads(llmops("examples", "list", "--json").out)
    for example, entry in zip(list_examples(), entries, strict=True):
        assert all(text in listed.out for text in (example.name, example.summary, example.needs))
        assert (example.name, example.summary, str(example.main)) == (entry["name"], entry["summary"], entry["main"])
        assert [path.name for path in example.files] == entry["files"]


def test_one_file_is_shown_as_it_is(llmops: Command) -> None:
    """In a pipe or a file without anything else, to be saved."""
    assert find_example("quickstart").main.read_text(encoding="utf-8") == llmops("examples", "show", "quickstart").out
    workflow = find_example("ci-gate").file("workflow.yaml").read_text(encoding="utf-8")
    assert workflow == llmops("examples", "show", "ci-gate", "workflow.yaml").out


def test_several_files_are_shown_one_after_the_other(llmops: Command) -> None:
    """Each with its name; of data the first lines."""
    out = llmops("examples", "show", "ci-gate").out

    assert "# ---- tickets.jsonl, the first 5 of 160 lines\n" in out
    assert '"t005"' in out
    assert '"t006"' not in out
    example = find_example("ci-gate")
    assert out.startswith(f"# ---- pipeline.yaml\n{example.main.read_text(encoding='utf-8')}")
    shown = json.loads(llmops("examples", "show", "ci-gate", "--json").out)
    assert {path.name: path.read_text(encoding="utf-8") for path in example.files} == shown


def test_a_terminal_shows_colors(llmops: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a specification those of YAML, with every line as it is."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    out = llmops("examples", "show", "quickstart").out

    assert "\x1b[" in out
    plain = re.sub(r"\x1b\[[\d;]*m", "", out)
    expected = find_example("quickstart").main.read_text(encoding="utf-8")
    assert expected.split() == plain.split()
