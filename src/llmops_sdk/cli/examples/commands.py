"""The commands that list, show, copy and run the packaged examples."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from llmops_sdk.cli.catalog import SCRIPT, Example, find_example
from llmops_sdk.cli.exits import OK
from llmops_sdk.cli.help import Argument, Group
from llmops_sdk.cli.options import json_option
from llmops_sdk.cli.output.text import echo_json
from llmops_sdk.cli.run import run
from llmops_sdk.errors import UserError

_name_argument = click.argument("name", cls=Argument, metavar="NAME", description="The name of an example.")


@click.group(cls=Group, invoke_without_command=True)
@click.pass_context
def examples(context: click.Context) -> None:
    """List, show, copy or run the packaged examples.

    Without a command it lists them.
    """
    if context.invoked_subcommand is None:
        from llmops_sdk.cli.examples.listing import show_examples

        show_examples()


@examples.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """List the examples: what each shows and needs."""
    from llmops_sdk.cli.examples.listing import examples_json, show_examples

    if as_json:
        echo_json(examples_json(), indent=2)
    else:
        show_examples()


@examples.command()
@_name_argument
@click.argument(
    "file",
    cls=Argument,
    required=False,
    metavar="[FILE]",
    description="Print this file of the example, complete.  [default: all, of data the first lines]",
)
@json_option
def show(name: str, file: str | None, *, as_json: bool) -> None:
    """Print the files of an example."""
    from llmops_sdk.cli.examples.listing import show_file, show_files

    example = find_example(name)
    paths = [example.file(file)] if file else example.files
    if as_json:
        echo_json({path.name: path.read_text(encoding="utf-8") for path in paths}, indent=2)
    elif file:
        show_file(paths[0])
    else:
        show_files(example)


@examples.command()
@_name_argument
@click.argument(
    "folder",
    cls=Argument,
    required=False,
    type=click.Path(path_type=Path),
    metavar="[FOLDER]",
    description="Where to put the files.  [default: a new folder with the name of the example]",
)
@json_option
def copy(name: str, folder: Path | None, *, as_json: bool) -> None:
    """Copy an example, to change it; existing files are kept.

    Prints what to type next.
    """
    from llmops_sdk.cli.examples.listing import show_copy

    example = find_example(name)
    folder = Path(example.name) if folder is None else folder
    copied = _copy(example, folder)
    if as_json:
        echo_json({"files": list(map(str, copied)), "try": list(example.commands)}, indent=2)
    else:
        show_copy(example, folder, copied)


@examples.command("run", context_settings={"ignore_unknown_options": True})
@_name_argument
@click.argument(
    "arguments",
    cls=Argument,
    nargs=-1,
    type=click.UNPROCESSED,
    metavar="[ARGS]...",
    description="Options of `llmops run`, or of the example's own script.",
)
@click.pass_context
def run_(context: click.Context, name: str, arguments: tuple[str, ...]) -> int:
    """Run an example as it is; its record is stored as that of any run."""
    example = find_example(name)
    if example.main.suffix == SCRIPT:
        import subprocess

        command = [sys.executable, str(example.main), *arguments]
        return subprocess.run(command, check=False).returncode  # noqa: S603 - the package's own script
    with run.make_context("run", [str(example.specification()), *arguments], parent=context) as run_context:
        return int(run.invoke(run_context) or OK)


def _copy(example: Example, folder: Path) -> list[Path]:
    """Copy the files, all of them or none, and return the copies."""
    import shutil

    targets = [folder / path.name for path in example.files]
    existing = next((target for target in targets if os.path.lexists(target)), None)
    if existing or folder.is_file():
        reason = f"{str(existing)!r} exists" if existing else f"{str(folder)!r} is a file"
        message = f"{reason}, and nothing was copied: name another folder"
        raise UserError(message)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for source, target in zip(example.files, targets, strict=True):
            shutil.copyfile(source, target)
    except OSError:
        for target in targets:
            target.unlink(missing_ok=True)
        raise
    return targets
