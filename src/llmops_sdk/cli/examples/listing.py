"""The list of examples, and their files, as `llmops examples` prints them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.syntax import Syntax

from llmops_sdk.cli.catalog import Example, list_examples
from llmops_sdk.cli.output.tables import count, new_table, open_console, print_line
from llmops_sdk.cli.output.text import echo

_LANGUAGES = {".py": "python", ".yaml": "yaml", ".json": "json", ".jsonl": "json", ".ipynb": "json", ".md": "markdown"}
_DATA = (".csv", ".ipynb", ".json", ".jsonl")
_FIRST_LINES = 5


def show_examples() -> None:
    """Print one line an example."""
    console, table = open_console(), new_table("example", "needs", "shows")
    for example in list_examples():
        table.add_row(example.name, example.needs, example.summary)
    console.print(table)
    console.print("\nnext: llmops examples show NAME, copy NAME, or run NAME")


def examples_json() -> list[dict[str, Any]]:
    """Return the list as JSON has it."""
    return [
        {
            "name": example.name,
            "summary": example.summary,
            "needs": example.needs,
            "main": str(example.main),
            "files": [path.name for path in example.files],
            "try": list(example.commands),
        }
        for example in list_examples()
    ]


def show_files(example: Example) -> None:
    """Print the files of an example, of data the first lines; a single file is printed as it is."""
    if len(example.files) == 1:
        show_file(example.main)
        return
    for number, path in enumerate(example.files):
        lines = path.read_text(encoding="utf-8").splitlines()
        shown = lines[:_FIRST_LINES] if path.suffix in _DATA and path != example.main else lines
        more = f", the first {len(shown)} of {count(len(lines), 'line')}" if len(shown) < len(lines) else ""
        echo(f"{chr(10) if number else ''}# ---- {path.name}{more}")
        _print_text("\n".join(shown) + "\n", path.suffix)


def show_file(path: Path) -> None:
    """Print a file: with syntax colours on a terminal, and as it is anywhere else."""
    _print_text(path.read_text(encoding="utf-8"), path.suffix)


def show_copy(example: Example, folder: Path, copied: Iterable[Path]) -> None:
    """Print what was copied, and what to type next."""
    console = open_console()
    print_line(console, f"copied to {folder}: {', '.join(path.name for path in copied)}")
    if example.commands:
        print_line(console, "next:")
    for command in (*([] if folder == Path() else [f"cd {shlex.quote(str(folder))}"]), *example.commands):
        print_line(console, f"  {command}")


def _print_text(text: str, suffix: str) -> None:
    console = open_console()
    if not console.is_terminal:
        echo(text, nl=False)
        return
    syntax = Syntax(text.rstrip("\n"), _LANGUAGES.get(suffix, "text"), theme="ansi_dark", background_color="default")
    console.print(syntax, soft_wrap=True)
