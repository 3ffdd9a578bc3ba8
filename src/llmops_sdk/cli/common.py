"""What the commands share: exit codes, options, and how results and interrupts are told."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from llmops_sdk.errors import RunInterrupted, UserError
from llmops_sdk.record.stores import DEFAULT_STORE

if TYPE_CHECKING:
    from llmops_sdk.pipeline.pipeline import Pipeline
    from llmops_sdk.pipeline.result import Result
    from llmops_sdk.record.runs import Run

OK, FAULT, MISTAKE, CELL_FAILED, INTERRUPTED = 0, 1, 2, 3, 130
LEFT = CELL_FAILED


store_option = click.option(
    "--store",
    default=DEFAULT_STORE,
    envvar="LLMOPS_STORE",
    show_default=True,
    metavar="FOLDER|URI",
    help="Where runs are kept.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Write JSON to standard output, and nothing else.")
offline_option = click.option("--offline", is_flag=True, envvar="LLMOPS_OFFLINE", help="Touch no network.")
on_option = click.option("--on", default="", metavar="EXECUTOR", help="Where to run, instead of where the file says.")
set_option = click.option(
    "--set", "overrides", multiple=True, metavar="KEY.PATH=VALUE", help="Override a value: models.1.trainer.epochs=2."
)


def pipeline_of(specification: str, overrides: tuple[str, ...]) -> Pipeline:
    """Read a specification file, or the packaged example of that name."""
    from llmops_sdk.cli.examples import find_example
    from llmops_sdk.pipeline.pipeline import Pipeline

    path = Path(specification)
    if not path.exists() and path.suffix == "" and "/" not in specification:
        path = find_example(specification).path
    return Pipeline.from_yaml(path, overrides=overrides)


def open_run(run_id: str, store: str) -> Run:
    """Open the record of a run: one of the store, or one by its address, `s3://bucket/prefix/runs/RUN`."""
    from llmops_sdk.plugin.stores import open_store
    from llmops_sdk.record.runs import Run

    if "://" in run_id:
        store, _, run_id = run_id.partition("/runs/")
        run_id = run_id.strip("/") or "latest"
    return Run.open(open_store(store), run_id)


def end(result: Result, *, quiet: bool, as_json: bool) -> int:
    """Show a result, and return the exit code."""
    _tell_result(result, quiet=quiet, as_json=as_json)
    if not result.failures:
        return OK
    nothing_ran = all(cell.step.startswith("prepare.") for cell in result.failures) and not any(
        board.cells for board in result.leaderboards
    )
    return MISTAKE if nothing_ran else CELL_FAILED


def _tell_result(result: Result, *, quiet: bool, as_json: bool) -> None:
    from llmops_sdk.values.serial import to_json

    if as_json:
        found: dict[str, Any] = to_json(result.results)
        click.echo(json.dumps({**found, "report": f"{result.run.location}/report.html"}, ensure_ascii=False))
        return
    from llmops_sdk.cli.console import show_run

    if quiet:
        for board in result.leaderboards:
            click.echo(board.verdict.text)
        return
    show_run(result.run)


def usage(message: str) -> NoReturn:
    """End with a usage error."""
    raise click.UsageError(message)


def interrupted(store: str, interrupt: KeyboardInterrupt | None = None) -> int:
    """Say how to go on with what was interrupted: the run that the interrupt names, or the last one of the store."""
    click.echo("stopped", err=True)
    if not store:
        return INTERRUPTED
    try:
        if isinstance(interrupt, RunInterrupted):
            run_id, store = interrupt.run_id, interrupt.store
        else:
            run_id = _last_run(store)
    except UserError as exc:
        click.echo(f"error: {exc}", err=True)
        return INTERRUPTED
    if run_id:
        where = (
            ""
            if Path(store) == Path(DEFAULT_STORE).absolute() or store == DEFAULT_STORE
            else f" --store {shlex.quote(store)}"
        )
        click.echo(f"what is finished is kept; go on with: llmops run --resume {run_id}{where}", err=True)
    return INTERRUPTED


def _last_run(store: str) -> str:
    from llmops_sdk.plugin.stores import open_store
    from llmops_sdk.record.runs import list_runs

    found = list_runs(open_store(store))
    return str(found[-1]["run"]) if found else ""
