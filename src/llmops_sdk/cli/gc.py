"""The commands that delete: `gc` what runs left running, `clean` what takes space and nothing needs."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from llmops_sdk.cli.exits import INCOMPLETE, OK, usage_error
from llmops_sdk.cli.help import Argument, Command
from llmops_sdk.cli.options import json_option, offline_option, store_option
from llmops_sdk.cli.output.text import echo, echo_json

if TYPE_CHECKING:
    from llmops_sdk.cleanup.cleanup import Cleanup


@click.command(cls=Command)
@click.option("--dry-run", is_flag=True, help="Show what would be deleted; delete nothing.")
@click.option(
    "--older-than", metavar="AGE", help="Delete resources older than AGE (90s, 30m, 2h, 1.5d), expired or not."
)
@click.option("--run", "run_id", default="", metavar="RUN", help="Only resources of this run.")
@click.option(
    "--account", is_flag=True, help="List all resources with the tags of runs, with age and price; delete nothing."
)
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
    account: bool,
    dry_run: bool,
    force: bool,
    offline: bool,
    as_json: bool,
) -> int:
    """Delete endpoints, jobs and models that runs left behind.

    Finds them in the ledgers of the runs in the store, and through plugins that search for the tags of a run.
    Skips resources that a running step is using, training jobs that a resumed run can continue, and tagged resources
    that have not expired. With --offline, only the ledgers are searched.

    With --account, nothing is deleted: all that has the tags of a run is listed, in every account and region that a
    run of the store used and in the one of this environment, with what it costs an hour where that is known.
    """
    from llmops_sdk.gc.delete import delete_leftovers
    from llmops_sdk.gc.find import find_leftovers, list_account
    from llmops_sdk.gc.leftover import Choice
    from llmops_sdk.plugin.registry import Registry
    from llmops_sdk.plugin.stores import open_store
    from llmops_sdk.progress import progress_for
    from llmops_sdk.steps.runtime import Runtime, default_home
    from llmops_sdk.values.quantities import parse_age

    if account and (offline or force or older_than is not None):
        usage_error("--account lists what an account has: leave out --offline, --force and --older-than")
    age, patience = None if older_than is None else parse_age(older_than), parse_age(wait)
    registry = Registry.load()
    with progress_for(quiet=as_json) as progress:
        runtime = Runtime(registry, default_home(), offline=offline, progress=progress)
        choice = Choice(run_id=run_id, older_than=age, force=force)
        opened = open_store(store, registry)
        leftovers = list_account(opened, runtime, run_id) if account else find_leftovers(opened, runtime, choice)
        if not (dry_run or account):
            opened.remove_drafts()
            leftovers = delete_leftovers(leftovers, runtime, patience=patience)
    if as_json:
        echo_json(leftovers.json, indent=2)
    else:
        from llmops_sdk.cli.output.leftovers import show_leftovers

        if account:
            show_leftovers(leftovers, nothing="nothing has the tags of a run")
        else:
            show_leftovers(leftovers)
    return OK if leftovers.clean else INCOMPLETE


@click.command(cls=Command)
@click.argument(
    "runs",
    cls=Argument,
    nargs=-1,
    metavar="[RUN]...",
    description="Runs to be freed: their IDs, or unique prefixes.",
)
@click.option("--older-than", default="", metavar="AGE", help="Runs that were not worked on for longer (12h, 30d).")
@click.option("--keep-last", type=int, metavar="N", help="All but the N newest runs of each pipeline.")
@click.option(
    "--max-size", default="", metavar="SIZE", help="The oldest runs, until the store has at most this size (10GB)."
)
@click.option("--failed", is_flag=True, help="Runs without a result of any candidate: they failed, or were stopped.")
@click.option(
    "--cache", is_flag=True, help="The cache of this machine instead: assets are downloaded again when needed."
)
@click.option("--dry-run", is_flag=True, help="Show what would be freed; free nothing.")
@click.option("--yes", "-y", is_flag=True, help="Free it without asking.")
@store_option
@offline_option
@json_option
def clean(  # noqa: PLR0913 - one parameter for each option of the command
    runs: tuple[str, ...],
    older_than: str,
    keep_last: int | None,
    max_size: str,
    store: str,
    *,
    failed: bool,
    cache: bool,
    dry_run: bool,
    yes: bool,
    offline: bool,
    as_json: bool,
) -> int:
    """Free disk space: runs, and what no run needs.

    Without runs and options, it frees what no run needs: artifacts of runs that are gone, and what stopped runs left. With
    several options, runs are freed to which all of them apply. It shows what it would free, and asks.

    Never freed are what a remaining run needs, a run that is running, and one whose endpoints, jobs or other resources
    may still exist: delete those first with `llmops gc`. The exit code is 3 if a named run is not freed, or if the store
    is still larger than --max-size.
    """
    if cache:
        if runs or keep_last is not None or max_size or failed:
            usage_error("--cache goes with --older-than, --dry-run, --yes and --json only")
        return _clean_cache(older_than, dry_run=dry_run, yes=yes, as_json=as_json)
    from llmops_sdk.pipeline.cleaning import Cleaning, choose
    from llmops_sdk.plugin.registry import Registry
    from llmops_sdk.plugin.stores import open_store
    from llmops_sdk.progress import progress_for
    from llmops_sdk.steps.runtime import Runtime, default_home

    registry = Registry.load()
    opened = open_store(store, registry, offline=offline)
    choice = choose(opened, runs, older_than=older_than, keep_last=keep_last, max_size=max_size, failed=failed)
    with progress_for(quiet=as_json) as progress:
        cleaning = Cleaning(opened, choice, Runtime(registry, default_home(), offline=offline, progress=progress))
    cleanup = cleaning.preview
    if dry_run or cleanup.is_empty:
        return _ended(cleanup, as_json=as_json)
    if not as_json:
        _show(cleanup)
    if not _agreed(cleanup.size, yes=yes, is_shown=not as_json):
        return OK
    with progress_for(quiet=as_json) as progress:
        cleanup = cleaning.free(progress)
    return _ended(cleanup, as_json=as_json)


def _ended(cleanup: Cleanup, *, as_json: bool) -> int:
    if as_json:
        from llmops_sdk.values.serial import to_json

        echo_json(to_json(cleanup), indent=2)
    else:
        _show(cleanup)
    return OK if cleanup.is_complete else INCOMPLETE


def _show(cleanup: Cleanup) -> None:
    from llmops_sdk.cli.output.leftovers import show_cleanup

    show_cleanup(cleanup)


def _agreed(size: int, *, yes: bool, is_shown: bool) -> bool:
    """Return whether the user wants it to be freed."""
    from llmops_sdk.values.quantities import format_size

    if yes:
        return True
    if not is_shown or not sys.stdin.isatty():
        usage_error("nobody can be asked here: add --yes to free it, or --dry-run to look at it only")
    if click.confirm(f"Free {format_size(size)}?"):
        return True
    echo("nothing was freed")
    return False


def _clean_cache(older_than: str, *, dry_run: bool, yes: bool, as_json: bool) -> int:
    from llmops_sdk.cleanup.cache import find_cached, free_cached
    from llmops_sdk.cleanup.weight import freed_bytes
    from llmops_sdk.cli.output.leftovers import show_cache
    from llmops_sdk.plugin.registry import Registry
    from llmops_sdk.steps.runtime import default_home
    from llmops_sdk.values.quantities import parse_age

    home, age = default_home(), parse_age(older_than) if older_than else None
    items = find_cached(home, Registry.load(), older_than=age, now=time.time())
    size, is_done = freed_bytes(item.weight for item in items), False
    if not as_json:
        show_cache(home, items, size)
    if items and not dry_run:
        if not _agreed(size, yes=yes, is_shown=not as_json):
            return OK
        size, is_done = free_cached(home, items), True
    if as_json:
        listed = [{"name": item.name, "size": item.size, "origin": item.origin} for item in items]
        echo_json({"is_done": is_done, "size": size, "items": listed}, indent=2)
    elif is_done:
        from llmops_sdk.values.quantities import format_size

        echo(f"freed {format_size(size)}")
    return OK
