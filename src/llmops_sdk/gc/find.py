"""Finding what runs have left: in the ledgers of a store's runs, and by tags through the sweepers of plugins."""

from __future__ import annotations

import time

import attrs

from llmops_sdk.errors import LLMOpsError, RunNotFoundError, UserError
from llmops_sdk.gc.decide import Judge, Tagged
from llmops_sdk.gc.leftover import Choice, Leftover, Leftovers, Unreachable
from llmops_sdk.plugin.interfaces import OrphanFinder
from llmops_sdk.record.runs import LedgerEntry, Run, find_run, list_runs
from llmops_sdk.record.stores import Store
from llmops_sdk.steps.runtime import Runtime
from llmops_sdk.values.resources import Resource


def find_leftovers(store: Store, runtime: Runtime, choice: Choice) -> Leftovers:
    """Look through the ledgers of the store's runs, and ask the sweepers of the plugins. Deletes nothing.

    Raises:
        RunNotFoundError: Nobody knows the run that was chosen.
    """
    unreachable: list[Unreachable] = []
    runs, run_id = _runs(store, choice.run_id, unreachable)
    tagged = _sweep(runs, runtime, run_id, unreachable)
    judge = Judge({run.id: run for run in runs}, runtime, attrs.evolve(choice, run_id=run_id), time.time())
    found: dict[_Key, Leftover] = {}
    for run in runs:
        for entry in _entries(run, unreachable):
            key = _Key(run.id, entry.resource)
            found[key] = judge.entered(run, entry, tagged[key].known if key in tagged else None)
    found |= {key: judge.tagged(item) for key, item in tagged.items() if key not in found}
    if choice.run_id and not runs and not found:
        find_run(store, choice.run_id)  # raises, and says what there is
    return Leftovers(tuple(found.values()), tuple(unreachable))


@attrs.frozen
class _Key:
    run_id: str
    resource: Resource


def _runs(store: Store, wanted: str, unreachable: list[Unreachable]) -> tuple[list[Run], str]:
    """Return the runs to look at, and the whole id of the one that was chosen; its tags may tell of one not here."""
    ids = [str(metadata["run"]) for metadata in list_runs(store)]
    if wanted:
        try:
            wanted = find_run(store, wanted)
        except RunNotFoundError:
            return [], wanted
        ids = [wanted]
    runs = []
    for run_id in ids:
        try:
            runs.append(Run.open(store, run_id))
        except RunNotFoundError as exc:
            unreachable.append(Unreachable(f"run {run_id}", str(exc), needed=True))
    return runs, wanted


def _entries(run: Run, unreachable: list[Unreachable]) -> list[LedgerEntry]:
    """Return what may still exist, what was entered last first, as it was made in that order."""
    try:
        entries = [entry for entry in run.ledger() if entry.deleted is None]
    except UserError:
        raise
    except Exception as exc:  # noqa: BLE001 - all that can go wrong goes to the parent
        unreachable.append(Unreachable(f"the ledger of run {run.id}", f"{type(exc).__name__}: {exc}", needed=True))
        return []
    return sorted(entries, key=lambda entry: -entry.entered)


def _sweep(runs: list[Run], runtime: Runtime, run_id: str, unreachable: list[Unreachable]) -> dict[_Key, Tagged]:
    """Ask every sweeper, in each place where a run of the store worked and in the one that the environment names."""
    found: dict[_Key, Tagged] = {}
    if runtime.offline:
        return found
    for offer in runtime.registry.offers("orphan-finder"):
        plugin = offer.plugin.name
        used = [
            dict(run.plan.settings.get(plugin, {}))
            for run in runs
            if any(pin.name == plugin for pin in run.plan.plugins)
        ]
        swept: set[str] = set()
        for settings in [*used, {}]:
            place = offer.card.name
            try:
                orphan_finder: OrphanFinder = runtime.registry.orphan_finder(offer.card.name, settings)
                place = orphan_finder.place
                if place not in swept:
                    swept.add(place)
                    for known in orphan_finder.list(run_id):
                        found.setdefault(_Key(known.run_id, known.resource), Tagged(known, orphan_finder))
            except LLMOpsError as exc:
                error = str(exc).removeprefix(f"{place}: ")
                if not any(other.error == error for other in unreachable):
                    unreachable.append(Unreachable(place, error, needed=settings in used))
    return found
