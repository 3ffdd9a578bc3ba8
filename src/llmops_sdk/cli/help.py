"""Help texts: arguments are described as options are, and commands stand under headings, in working order."""

from __future__ import annotations

from typing import Any

import click

CONTEXT_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Argument(click.Argument):
    """An argument with a description in the help of its command."""

    def __init__(self, declarations: Any, *, description: str = "", **attributes: Any) -> None:
        super().__init__(declarations, **attributes)
        self.description = description


class Command(click.Command):
    """A command whose help describes its arguments."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the arguments, then the options."""
        arguments = [param for param in self.get_params(ctx) if isinstance(param, Argument)]
        if arguments:
            with formatter.section("Arguments"):
                formatter.write_dl([(param.human_readable_name, param.description) for param in arguments])
        super().format_options(ctx, formatter)


class Group(click.Group):
    """A group that lists its commands in the order in which they were added."""

    command_class = Command

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in that order."""
        return list(self.commands)


class Program(Group):
    """The program: its commands stand under headings."""

    def __init__(self, *arguments: Any, **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self._headings: dict[str, tuple[click.Command, ...]] = {}

    def add_section(self, heading: str, *commands: click.Command) -> None:
        """Add commands under a heading."""
        self._headings[heading] = commands
        for command in commands:
            self.add_command(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write every section."""
        longest = max(len(name) for name in self.commands)
        width = formatter.width - longest - 6
        for heading, commands in self._headings.items():
            with formatter.section(heading):
                formatter.write_dl(
                    [(f"{command.name:<{longest}}", command.get_short_help_str(width)) for command in commands]
                )
