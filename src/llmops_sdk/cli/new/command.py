"""The command that writes a new package or a new specification."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from llmops_sdk.cli.help import Argument, Command, Group
from llmops_sdk.cli.output.text import echo

_into = click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    metavar="FOLDER",
    help="Where to write it.  [default: the working directory]",
)


@click.group(cls=Group)
def new() -> None:
    """Write a plugin package that passes its own test, or a pipeline.

    A metric, a dataset, a prompt or a target can also be one function in a file of yours, without a package.
    """


def _name(description: str) -> Callable[..., Any]:
    return click.argument("name", cls=Argument, metavar="NAME", description=description)


_package_name = _name("What specifications call it: lower-case words joined by hyphens.")


@new.command(cls=Command)
@_package_name
@_into
def metric(name: str, into: Path) -> None:
    """Write a package with a metric: a score for each answer."""
    _write_package("metric", name, into)


@new.command(cls=Command)
@_package_name
@_into
def dataset(name: str, into: Path) -> None:
    """Write a package with a dataset: records, and their split."""
    _write_package("dataset", name, into)


@new.command(cls=Command)
@_package_name
@_into
def target(name: str, into: Path) -> None:
    """Write a package with a target: a way to ask a model."""
    _write_package("target", name, into)


@new.command(cls=Command)
@_package_name
@_into
def trainer(name: str, into: Path) -> None:
    """Write a package with a trainer, and what serves its models."""
    _write_package("trainer", name, into)


@new.command(cls=Command)
@_package_name
@_into
def reporter(name: str, into: Path) -> None:
    """Write a package with a reporter: what happens after a run."""
    _write_package("reporter", name, into)


@new.command(cls=Command)
@click.argument(
    "name",
    cls=Argument,
    metavar="[NAME]",
    required=False,
    default="pipeline",
    description="The name of the pipeline and of its file.  [default: pipeline]",
)
@_into
def pipeline(name: str, into: Path) -> None:
    """Write a commented specification that runs as it is."""
    from llmops_sdk.cli.new.names import check_name
    from llmops_sdk.cli.new.package import write_pipeline

    path = write_pipeline(check_name(name.removesuffix(".yaml")), into)
    echo(f"wrote {path}; check it with: llmops plan {path}; run it with: llmops run {path}")


def _write_package(kind: str, name: str, into: Path) -> None:
    import shlex

    from llmops_sdk.cli.new.names import package_names
    from llmops_sdk.cli.new.package import KINDS, write_package

    package = KINDS[kind]
    names = package_names(name, package.cards)
    folder = write_package(package, names, into)
    echo(f"wrote {folder}: the {kind} {names.card!r} in the module {names.module}; next:")
    for line in (f"cd {shlex.quote(str(folder))}", "pip install -e '.[dev]'", "pytest"):
        echo(f"  {line}")
