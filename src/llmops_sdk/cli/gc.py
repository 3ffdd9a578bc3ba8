"""The command that deletes what runs left behind."""

from __future__ import annotations

import click

from llmops_sdk.cli.exits import INCOMPLETE, OK
from llmops_sdk.cli.help import Command
from llmops_sdk.cli.options import json_option, offline_option, store_option
from llmops_sdk.cli.output.text import echo_json


@click.command(cls=Command)
@click.option("--dry-run", is_flag=True, help="Show what would be deleted; delete nothing.")
@click.option(
    "--older-than", metavar="AGE", help="Delete resources older than AGE (90s, 30m, 2h, 1.5d), expired or not."
)
@click.option("--run", "run_id", default="", metavar="RUN", help="Only resources of this run.")
@click.option(
    "--force",
    is_flag=True,
    help="Also delete resources in use by running steps; with --run, unexpired and kept ones too.",
)
@click.option(
    "--wait",
    default="20m",
    show_default=True,
    metavar="AGE",
    help="How long to retry resources that cannot be deleted yet.",
)
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
    """Delete endpoints, jobs and models that runs left behind.

    Finds them in the ledgers of the runs in the store, and through plugins that search for the tags of a run.
    Skips resources that a running step is using, training jobs that a resumed run can continue, and tagged resources
    that have not expired. With --offline, only the ledgers are searched.
    """
    from llmops_sdk.gc.delete import delete_leftovers
    from llmops_sdk.gc.find import find_leftovers
    from llmops_sdk.gc.leftover import Choice
    from llmops_sdk.plugin.registry import Registry
    from llmops_sdk.plugin.stores import open_store
    from llmops_sdk.progress import progress_for
    from llmops_sdk.steps.runtime import Runtime, default_home
    from llmops_sdk.values.quantities import parse_age

    age, patience = None if older_than is None else parse_age(older_than), parse_age(wait)
    registry = Registry.load()
    with progress_for(quiet=as_json) as progress:
        runtime = Runtime(registry, default_home(), offline=offline, progress=progress)
        choice = Choice(run_id=run_id, older_than=age, force=force)
        opened = open_store(store, registry)
        leftovers = find_leftovers(opened, runtime, choice)
        if not dry_run:
            opened.remove_drafts()
            leftovers = delete_leftovers(leftovers, runtime, patience=patience)
    if as_json:
        echo_json(leftovers.json, indent=2)
    else:
        from llmops_sdk.cli.output.leftovers import show_leftovers

        show_leftovers(leftovers)
    return OK if leftovers.clean else INCOMPLETE
