"""Finding what runs left behind: in the ledgers of a store's runs, and by tags through the plugins' orphan finders."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from llmops_sdk.errors import LLMOpsError, RunNotFoundError, UserError
from llmops_sdk.gc.decide import DeletionPolicy, Orphan
from llmops_sdk.gc.leftover import Choice, Leftover, Leftovers, Unreachable
from llmops_sdk.plugin.interfaces import OrphanFinder
from llmops_sdk.record.ledger import LedgerEntry
from llmops_sdk.record.run import Run
from llmops_sdk.record.runs import find_run, list_runs, unreadable_runs
from llmops_sdk.record.stores import Store
from llmops_sdk.steps.runtime import Runtime
from llmops_sdk.values.quantities import format_age
from llmops_sdk.values.resources import Resource


def find_leftovers(store: Store, runtime: Runtime, choice: Choice) -> Leftovers:
    """Search the ledgers of the store's runs, and by tags; decide about each resource. Deletes nothing.

    Raises:
        RunNotFoundError: Neither the store nor an orphan finder knows the chosen run.
    """
    unreachable: list[Unreachable] = []
    run_id = _full_id(store, choice.run_id)
    runs = _open_runs(store, run_id, unreachable)
    orphans = _find_orphans(runs, runtime, run_id, unreachable)
    policy = DeletionPolicy({run.id: run for run in runs}, runtime, attrs.evolve(choice, run_id=run_id), time.time())
    leftovers: dict[_Key, Leftover] = {}
    for run in runs:
        for entry in _entries(run, unreachable):
            key = _Key(run.id, entry.resource)
            tagged = orphans[key].tagged if key in orphans else None
            leftovers[key] = policy.decide_entry(run, entry, tagged)
    leftovers |= {key: policy.decide_orphan(orphan) for key, orphan in orphans.items() if key not in leftovers}
    if choice.run_id and not runs and not leftovers:
        find_run(store, choice.run_id)  # raises, and lists the runs that there are
    return Leftovers(tuple(leftovers.values()), tuple(unreachable))


def list_account(store: Store, runtime: Runtime, run_id: str = "") -> Leftovers:
    """Return everything that has the tags of a run, with its age and price, wherever a run of the store or this environment looks.

    Nothing is decided or deleted, and no ledger is read. Each place that cannot be searched is needed: the list lacks it.

    Args:
        store: The store, whose runs name the places to be searched.
        runtime: The process's registry.
        run_id: Only the resources of this run; empty means of all runs.
    """
    unreachable: list[Unreachable] = []
    runs = _open_runs(store, "", [])
    orphans = _find_orphans(runs, runtime, _full_id(store, run_id), unreachable)
    items = tuple(_listed(orphan, time.time()) for orphan in orphans.values())
    return Leftovers(items, tuple(attrs.evolve(place, needed=True) for place in unreachable))


def _listed(orphan: Orphan, now: float) -> Leftover:
    tagged = orphan.tagged
    expiry = "it has no expiry" if tagged.expires is None else _expiry(tagged.expires - now)
    return Leftover(
        resource=tagged.resource,
        run_id=tagged.run_id,
        step=tagged.step,
        status="listed",
        reason="; ".join(filter(None, (expiry, tagged.in_use))),
        age=now - tagged.created,
        state=tagged.state,
        billed=tagged.billed,
        price=orphan.finder.price(tagged) if tagged.billed else None,
        delete=lambda: None,
    )


def _expiry(seconds: float) -> str:
    return f"expires in {format_age(seconds)}" if seconds > 0 else f"expired {format_age(-seconds)} ago"


@attrs.frozen
class _Key:
    run_id: str
    resource: Resource


def _full_id(store: Store, run_id: str) -> str:
    """Return the ID of the chosen run; a run that the store does not have may still have left tagged resources."""
    try:
        return find_run(store, run_id) if run_id else ""
    except RunNotFoundError:
        return run_id


def _open_runs(store: Store, run_id: str, unreachable: list[Unreachable]) -> list[Run]:
    """Open the chosen run, or all of them; what cannot be read may have left something."""
    runs = []
    unreachable.extend(
        Unreachable(f"run {broken.run}", broken.error, needed=True)
        for broken in unreadable_runs(store)
        if run_id in ("", broken.run)
    )
    for metadata in list_runs(store):
        if run_id not in ("", metadata.run):
            continue
        try:
            runs.append(Run.open(store, metadata.run))
        except (UserError, OSError) as exc:
            unreachable.append(Unreachable(f"run {metadata.run}", str(exc), needed=True))
    return runs


def _entries(run: Run, unreachable: list[Unreachable]) -> list[LedgerEntry]:
    """Return the resources that may still exist, the last created first: it may use the earlier ones."""
    try:
        entries = [entry for entry in run.ledger() if entry.deleted is None]
    except (UserError, OSError) as exc:
        unreachable.append(Unreachable(f"the ledger of run {run.id}", str(exc), needed=True))
        return []
    return sorted(entries, key=lambda entry: -entry.entered)


def _find_orphans(
    runs: Sequence[Run], runtime: Runtime, run_id: str, unreachable: list[Unreachable]
) -> dict[_Key, Orphan]:
    """Ask every orphan finder, in each place that a run of the store used and in the one that the environment names."""
    orphans: dict[_Key, Orphan] = {}
    if runtime.offline:
        return orphans
    for offer in runtime.registry.offers("orphan-finder"):
        used = _settings_of_runs(runs, offer.plugin.name)
        searched: set[str] = set()
        for settings in [*used, {}]:
            place = offer.card.name
            try:
                finder: OrphanFinder = runtime.registry.orphan_finder(offer.card.name, settings)
                place = finder.place
                if place not in searched:
                    searched.add(place)
                    for tagged in finder.list(run_id):
                        orphans.setdefault(_Key(tagged.run_id, tagged.resource), Orphan(tagged, finder))
            except LLMOpsError as exc:
                error = str(exc).removeprefix(f"{place}: ")
                if not any(other.error == error for other in unreachable):
                    unreachable.append(Unreachable(place, error, needed=settings in used))
    return orphans


def _settings_of_runs(runs: Sequence[Run], plugin: str) -> list[Mapping[str, Any]]:
    """Return the settings of a plugin in every run that uses it."""
    return [
        dict(run.plan.settings.get(plugin, {})) for run in runs if any(pin.name == plugin for pin in run.plan.plugins)
    ]
