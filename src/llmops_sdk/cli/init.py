"""The command that looks at a file and writes a specification for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from llmops_sdk.cli.help import Argument, Command
from llmops_sdk.cli.output.text import echo
from llmops_sdk.errors import DataError, UserError

if TYPE_CHECKING:
    from llmops_sdk.data.profile import FileProfile

_SAME_QUESTIONS = 0.5
_COMPARED = 1_000


@click.command(cls=Command)
@click.argument(
    "file",
    cls=Argument,
    type=click.Path(path_type=Path),
    metavar="FILE",
    description="Your data: JSON lines, JSON, CSV, Parquet, Arrow or Feather, also compressed.",
)
@click.argument(
    "second",
    cls=Argument,
    required=False,
    type=click.Path(path_type=Path),
    metavar="[FILE2]",
    description="A file with test records, or with recorded answers to FILE.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where to write; by default FILE's name with .yaml.",
)
@click.option("--force", is_flag=True, help="Replace an existing specification.")
@click.option("--encoding", default="", metavar="NAME", help="The encoding of FILE, if it is text and not UTF-8.")
def init(file: Path, second: Path | None, output: Path | None, encoding: str, *, force: bool) -> None:
    """Look at a data file, and write a specification that runs.

    Shows the format, the columns, and what would be asked and compared.
    """
    from llmops_sdk.cli.output.profile import show_profile
    from llmops_sdk.cli.output.specification import Starter, name_of
    from llmops_sdk.data.files.encodings import is_encoding
    from llmops_sdk.data.files.table import open_table
    from llmops_sdk.data.profile import profile_table

    if encoding and not is_encoding(encoding):
        message = f"no text encoding is called {encoding!r}; common ones: utf-8, utf-16, windows-1252"
        raise UserError(message)
    target = output or Path(f"{name_of(file)}.yaml")
    if target.exists() and not force:
        message = f"{str(target)!r} exists: name another file with --output, or replace it with --force"
        raise UserError(message)
    profile = profile_table(open_table(_existing(file), encoding=encoding))
    show_profile(profile)
    test = answers = None
    if second is not None:
        other = profile_table(open_table(_existing(second)))
        echo("")
        show_profile(other)
        is_test = _is_test_file(profile, other)
        test, answers = (other, None) if is_test else (None, second)
        echo(f"  {'used as':<10} {'test records' if is_test else 'recorded answers, a candidate beside the others'}")
    if profile.first is None:
        message = f"no specification was written: {profile.problem or 'the file has no record'}"
        raise DataError(message)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    part.write_text(Starter(profile=profile, target=target, test=test, answers=answers).text(), encoding="utf-8")
    part.replace(target)
    echo(f"\nwrote {target}; check it with: llmops plan {target}; run it with: llmops run {target}")


def _existing(path: Path) -> Path:
    if not path.is_file():
        message = f"the data file {str(path)!r} {'is no file' if path.exists() else 'does not exist'}"
        raise UserError(message)
    return path


def _is_test_file(profile: FileProfile, other: FileProfile) -> bool:
    """Return whether a second file has other questions in the same shape; answers have the same questions, or IDs only."""
    if other.first is None or (other.shape and other.shape.name) != (profile.shape and profile.shape.name):
        return False
    asked, also_asked = _questions(profile), _questions(other)
    return len(asked & also_asked) < _SAME_QUESTIONS * len(also_asked)


def _questions(profile: FileProfile) -> set[tuple[str, str]]:
    from itertools import islice

    questions = set()
    for row in islice(profile.table.rows(), _COMPARED):
        record = profile.mapping.record(row.values, row.name, {})
        questions.add((record["instruction"], record["context"]))
    return questions
