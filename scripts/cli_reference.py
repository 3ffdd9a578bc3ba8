"""Writes docs/reference/command-line.md from the commands' own help. `--check` compares instead, and fails if they differ."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from llmops_sdk.cli.main import cli

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "command-line.md"
HEAD = """# Command line

Written from the commands' own help by `python scripts/cli_reference.py`. In a terminal, `llmops COMMAND -h` shows the same.

Every command ends with one of these [exit codes](errors.md#exit-codes).

`LLMOPS_STORE` names the store, `LLMOPS_HOME` the cache; `LLMOPS_OFFLINE=1` makes no network requests.
"""


def main() -> int:
    """Write or check the page."""
    context = click.Context(cli, info_name="llmops", terminal_width=100, **cli.context_settings)
    text = HEAD + "".join(_sections(context))
    if "--check" not in sys.argv:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.read_text(encoding="utf-8") != text:
        print(f"{PAGE.name} differs from the commands' help; run: python scripts/cli_reference.py", file=sys.stderr)
        return 1
    return 0


def _sections(context: click.Context) -> Iterator[str]:
    """Yield the help of a command and of those below it, in the order of the help."""
    command = context.command
    yield f"\n## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from _sections(click.Context(command.commands[name], parent=context, info_name=name))


if __name__ == "__main__":
    sys.exit(main())
