"""The console, and the tables that all output is made of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from llmops_sdk.progress import plain

_UNLIMITED = 10_000


class OutputConsole(Console):
    """A console for text as it is: without rich's markup, emoji codes and highlighting."""

    def __init__(self, width: int | None = None) -> None:
        super().__init__(width=width, markup=False, emoji=False, highlight=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return text as it is, with control characters shown as their codes."""
        return super().render_str(plain(text), **options)

    def render(self, renderable: Any, options: Any = None) -> Iterator[Segment]:
        """Render an object; no text of a user, a model or a service reaches the terminal as an escape sequence."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(plain(segment.text), segment.style)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print objects; in a pipe or a file without the spaces that fill the last column of a table."""
        if self.is_terminal:
            super().print(*objects, **options)
            return
        with self.capture() as capture:
            super().print(*objects, **options)
        try:
            self.file.write("\n".join(line.rstrip() for line in capture.get().split("\n")))
            self.file.flush()
        except BrokenPipeError:
            self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        """Leave the error to the program, for which a reader that has left (head, less) is no failure.

        It has no error number, by which click would know it and end the program with exit code 1.
        """
        raise BrokenPipeError from None


def open_console() -> Console:
    """Return the console of standard output: as wide as the terminal, and as wide as needed in a pipe or a file."""
    console = OutputConsole()
    if console.is_terminal or "COLUMNS" in os.environ:
        return console
    return OutputConsole(width=_UNLIMITED)


def new_table(*columns: str) -> Table:
    """Return a table with a heading, of which the last column may wrap; names and numbers stay in one piece."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number < len(columns) - 1, overflow="fold")
    return table


def new_grid(*widths: int | None) -> Table:
    """Return a table without a heading, with one column for each width; None is as wide as needed."""
    grid = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for width in widths:
        grid.add_column(width=width, overflow="fold")
    return grid


def print_entry(console: Console, label: str, text: str, *, width: int, style: str = "") -> None:
    """Print a label and, beside it, text that wraps within its own column.

    Args:
        console: Where to.
        label: One word or two.
        text: What follows it; may have several lines.
        width: Of the column of the label, in characters.
        style: Of the label.
    """
    grid = new_grid(width, None)
    grid.add_row(Text(label, style=style), Text(plain(text)))
    console.print(grid)


def print_line(console: Console, text: str, style: str = "") -> None:
    """Print a line that must be copied in one piece, such as a path or a command: only the terminal wraps it."""
    console.print(Text(plain(text), style=style), soft_wrap=True)


def count(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> count(1, "step"), count(1200, "step")
    ('1 step', '1,200 steps')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
