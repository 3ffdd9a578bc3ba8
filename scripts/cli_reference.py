"""Writes docs/reference/command-line.md from the commands' own help. `--check` compares instead, and says what to do."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from llmops_sdk.cli.main import cli

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "command-line.md"
HEAD = """# Command line

Written from the commands' own help by `python scripts/cli_reference.py`.

Exit codes: 0 done; 1 our fault, with a traceback; 2 the user's mistake, in one line; 3 finished, but a cell failed, and of `gc`,
something is left; 130 Ctrl-C.
`LLMOPS_STORE` names the store, `LLMOPS_HOME` the cache, `LLMOPS_OFFLINE=1` touches no network.
"""


def main() -> int:
    """Write or check the page."""
    text = HEAD + "".join(_sections(cli, "llmops"))
    if "--check" not in sys.argv:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.read_text(encoding="utf-8") != text:
        print(f"{PAGE.name} is not what the commands say; run: python scripts/cli_reference.py", file=sys.stderr)
        return 1
    return 0


def _sections(command: click.Command, name: str) -> list[str]:
    context = click.Context(command, info_name=name, terminal_width=100, max_content_width=100)
    found = [f"\n## {name}\n\n```text\n{command.get_help(context)}\n```\n"]
    if isinstance(command, click.Group):
        for sub in sorted(command.commands):
            found += _sections(command.commands[sub], f"{name} {sub}")
    return found


if __name__ == "__main__":
    sys.exit(main())
