"""The command with which people grade the answers of a run."""

from __future__ import annotations

from pathlib import Path

import click

from llmops_sdk.cli.exits import OK, finish, usage_error
from llmops_sdk.cli.help import Command
from llmops_sdk.cli.options import json_option, open_run, quiet_option, run_argument, store_option
from llmops_sdk.cli.output.text import echo

FEWEST = 10
"""Records that a verdict takes."""

ANSWERS = 50
"""How many answers a sheet has by default."""

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(cls=Command)
@run_argument
@click.option(
    "--n",
    "answers",
    type=click.IntRange(min=1),
    default=ANSWERS,
    show_default=True,
    help="The number of answers to grade, rounded up: every candidate's answers to the same records.",
)
@click.option(
    "--output", "-o", type=_FILE, help="The sheet to write.  [default: grades.csv, with grades.html beside it]"
)
@click.option(
    "--from",
    "sheets",
    type=_FILE,
    multiple=True,
    help="A graded sheet: read it, and show the verdict on the corrected means. May be repeated, one file for each person.",
)
@click.option(
    "--metric", default="", metavar="NAME", help="The metric to grade in the place of, if not the deciding one."
)
@store_option
@quiet_option
@json_option
def grade(  # noqa: PLR0913 - one parameter for each option of the command
    run_id: str,
    answers: int,
    output: Path | None,
    sheets: tuple[Path, ...],
    metric: str,
    store: str,
    *,
    quiet: bool,
    as_json: bool,
) -> int:
    """Have people grade answers of a run, and correct its judge.

    Writes a sheet without the names of the candidates, as CSV and as a page that works offline. With --from, reads what
    people graded: the verdict is then that on the judge's means, corrected with the grades.
    """
    from llmops_sdk.pipeline.grading.grade import read_sheets, write_sheet
    from llmops_sdk.progress import progress_for

    run = open_run(run_id, store)
    if sheets:
        if output or metric:
            usage_error("--from reads graded sheets: leave out --output and --metric")
        return finish(read_sheets(run, sheets, progress=progress_for(quiet=True)), quiet=quiet, as_json=as_json)
    if as_json:
        usage_error("--json is for the results: use it with --from")
    path = output or Path("grades.csv")
    sheet = write_sheet(run, answers, path, metric=metric)
    low, high = sheet.metric.bounds or (0.0, 1.0)
    records = f"{sheet.records} record{'' if sheet.records == 1 else 's'}"
    label = sheet.metric.label or sheet.metric.name
    echo(f"wrote {path} and {path.with_suffix('.html')}: {len(sheet.rows)} answers to {records}, without names")
    if not quiet:
        echo(f"grade each by {label} from {low:g} to {high:g}, in the column 'grade' or on the page; then:")
        echo(f"llmops grade {run.id} --from {path}")
        if sheet.records < FEWEST:
            echo(f"{records} cannot settle a verdict, which takes {FEWEST}: give a larger --n")
    return OK
