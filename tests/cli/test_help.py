"""Help texts: every command says in one line what it does, and describes its arguments as well as its options."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from llmops_sdk.cli.help import Argument
from llmops_sdk.cli.main import cli


def commands(context: click.Context) -> Iterator[click.Context]:
    """Yield the context of a command and of every command below it."""
    yield context
    if isinstance(context.command, click.Group):
        for name, command in context.command.commands.items():
            yield from commands(click.Context(command, parent=context, info_name=name))


def contexts(width: int = 80) -> dict[str, click.Context]:
    """Return the context of every command by its path, in a terminal of this width."""
    top = click.Context(cli, info_name="llmops", terminal_width=width, **cli.context_settings)
    return {context.command_path: context for context in commands(top)}


def test_commands_are_listed_in_working_order() -> None:
    """The first commands are those of a first run; each stands under a heading."""
    text = contexts()["llmops"].get_help()

    headings = [line for line in text.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert [
        "Options:",
        "Run a pipeline:",
        "Compare, decide, score again, serve, run remotely:",
        "Manage runs:",
        "Set up:",
    ] == headings
    order = ["init", "run", "plan", "show", "report", "compare", "gate", "grade", "score", "serve"]
    order += [
        "attach",
        "compile",
        "runs",
        "logs",
        "explain",
        "verify",
        "gc",
        "clean",
        "plugins",
        "new",
        "assets",
        "doctor",
        "examples",
    ]
    listed = [line.split()[0] for line in text.split("Run a pipeline:")[1].splitlines() if line.startswith("  ")]
    assert order == listed


@pytest.mark.parametrize("path", contexts())
def test_summaries_fit_a_narrow_terminal(path: str) -> None:
    """At 80 columns no summary of a command is cut, and no line is longer."""
    text = contexts()[path].get_help()

    repeated = r"\[?[A-Z]+\]?\.\.\."  # an argument that may be given several times
    assert "..." not in re.sub(repeated, "", text).replace("executor, ...", "")
    assert all(len(line) <= 80 for line in text.splitlines())


@pytest.mark.parametrize("path", contexts())
def test_every_argument_and_option_is_described(path: str) -> None:
    """An argument that may be omitted is shown in brackets."""
    context = contexts()[path]
    for parameter in context.command.params:
        if isinstance(parameter, click.Argument):
            assert isinstance(parameter, Argument)
            assert parameter.description
            assert parameter.required != parameter.human_readable_name.startswith("[")
        else:
            assert getattr(parameter, "help", "")


@pytest.mark.parametrize("name", ["show", "report", "score", "attach", "logs"])
def test_a_run_may_be_omitted(name: str) -> None:
    """The latest run is the default."""
    text = " ".join(contexts()[f"llmops {name}"].get_help().split())

    assert f"Usage: llmops {name} [OPTIONS] [RUN]" in text
    assert "[default: latest]" in text
    assert "-h, --help Show this message and exit." in text
