"""The list of examples, as `llmops examples` prints it."""

from __future__ import annotations

from llmops_sdk.cli.examples import list_examples
from llmops_sdk.cli.output.tables import new_table, open_console


def show_examples() -> None:
    """Print one line an example."""
    console, table = open_console(), new_table("example", "description")
    for example in list_examples():
        table.add_row(example.name, example.summary)
    console.print(table)
    console.print("\nrun one with: llmops run NAME; a script with: llmops examples run NAME")
