"""The commands that read the record of runs, and `gc`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from llmops_sdk.cli.common import LEFT, OK, json_option, offline_option, open_run, store_option


@click.command()
@store_option
@json_option
def runs(store: str, *, as_json: bool) -> None:
    """List the runs in the store, newest last."""
    from llmops_sdk.plugin.stores import open_store
    from llmops_sdk.record.runs import list_runs

    opened = open_store(store)
    found = list_runs(opened)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    from llmops_sdk.cli.console import show_runs

    show_runs(found, opened)


@click.command()
@click.argument("run_id", metavar="RUN", default="latest")
@store_option
@json_option
def show(run_id: str, store: str, *, as_json: bool) -> None:
    """Show what a run concluded, or how far it is."""
    opened = open_run(run_id, store)
    if as_json:
        from llmops_sdk.values.serial import to_json

        click.echo(json.dumps(to_json(opened.results()), indent=2, ensure_ascii=False))
        return
    from llmops_sdk.cli.console import show_run

    show_run(opened)


@click.command()
@click.argument("run_id", metavar="RUN", default="latest")
@click.argument("step", required=False)
@store_option
def logs(run_id: str, step: str | None, store: str) -> None:
    """Print a step's log, or list the logs a run has."""
    opened = open_run(run_id, store)
    prefix = f"runs/{opened.id}/logs/"
    if step is None:
        for key in opened.store.list(prefix):
            click.echo(key.removeprefix(prefix).removesuffix(".log"))
        return
    data = opened.store.get(f"{prefix}{step}.log")
    if data is None:
        from llmops_sdk.errors import RunNotFoundError, did_you_mean

        names = [key.removeprefix(prefix).removesuffix(".log") for key in opened.store.list(prefix)]
        message = f"run {opened.id!r} has no log of a step {step!r}{did_you_mean(step, names)}"
        raise RunNotFoundError(message)
    click.echo(data.decode("utf-8", errors="replace"), nl=False)


@click.command()
@click.argument("run_id", metavar="RUN", default="latest")
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Where to write it.")
@store_option
def report(run_id: str, output: Path | None, store: str) -> None:
    """Write the report of a run anew, and print where it is."""
    from llmops_sdk.report.collect import report_run

    click.echo(report_run(open_run(run_id, store), output))


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would be removed, and remove nothing.")
@click.option("--older-than", metavar="AGE", help="What is older (90s, 30m, 2h, 1.5d), whether it has expired or not.")
@click.option("--run", "run_id", default="", metavar="RUN", help="What this run has left, and no other.")
@click.option("--force", is_flag=True, help="Also what a running step uses; of a --run also what has not expired.")
@click.option("--wait", default="20m", show_default=True, metavar="AGE", help="For what cannot be deleted yet.")
@store_option
@offline_option
@json_option
def gc(  # noqa: PLR0913 - one parameter for each option of the command
    older_than: str | None,
    run_id: str,
    wait: str,
    store: str,
    *,
    dry_run: bool,
    force: bool,
    offline: bool,
    as_json: bool,
) -> int:
    """Remove what runs have left behind that could cost money: endpoints, training jobs.

    Looks through the ledgers of the runs in the store, and asks plugins for what has the tags of a run. Spares what a
    running step uses, a training that a resumed run goes on with, and tagged resources that have not expired.
    """
    from llmops_sdk.gc.delete import remove
    from llmops_sdk.gc.find import find_leftovers
    from llmops_sdk.gc.leftover import Choice, parse_age
    from llmops_sdk.plugin.registry import Registry
    from llmops_sdk.plugin.stores import open_store
    from llmops_sdk.progress import progress_for
    from llmops_sdk.steps.runtime import Runtime, default_home

    age, patience = None if older_than is None else parse_age(older_than), parse_age(wait)
    registry = Registry.load()
    with progress_for(quiet=as_json) as progress:
        runtime = Runtime(registry, default_home(), offline=offline, progress=progress)
        choice = Choice(run_id=run_id, older_than=age, force=force)
        found = find_leftovers(open_store(store, registry), runtime, choice)
        if not dry_run:
            found = remove(found, runtime, patience=patience)
    if as_json:
        click.echo(json.dumps(found.json, indent=2, ensure_ascii=False))
    else:
        from llmops_sdk.cli.console import show_leftovers

        show_leftovers(found)
    return OK if found.clean else LEFT
