"""Finding what runs have left: in the ledgers of a store's runs, and by tags through the sweepers of plugins."""

from __future__ import annotations

import time

import attrs

from llmops_sdk.collecting.judging import Judge, Tagged
from llmops_sdk.collecting.leftover import Blind, Choice, Leftover, Leftovers
from llmops_sdk.errors import LLMOpsError, RunNotFoundError, UserError
from llmops_sdk.interfaces import Sweeper
from llmops_sdk.running import Runtime
from llmops_sdk.runs import LedgerEntry, Run, find_run, list_runs
from llmops_sdk.stores import Store
from llmops_sdk.values import Resource


def find_leftovers(store: Store, runtime: Runtime, choice: Choice) -> Leftovers:
    """Look through the ledgers of the store's runs, and ask the sweepers of the plugins. Deletes nothing.

    Raises:
        RunNotFoundError: Nobody knows the run that was chosen.
    """
    blind: list[Blind] = []
    runs, run_id = _runs(store, choice.run_id, blind)
    tagged = _sweep(runs, runtime, run_id, blind)
    judge = Judge({run.id: run for run in runs}, runtime, attrs.evolve(choice, run_id=run_id), time.time())
    found: dict[_Key, Leftover] = {}
    for run in runs:
        for entry in _entries(run, blind):
            key = _Key(run.id, entry.resource)
            found[key] = judge.entered(run, entry, tagged[key].known if key in tagged else None)
    found |= {key: judge.tagged(item) for key, item in tagged.items() if key not in found}
    if choice.run_id and not runs and not found:
        find_run(store, choice.run_id)  # raises, and says what there is
    return Leftovers(tuple(found.values()), tuple(blind))


@attrs.frozen
class _Key:
    run_id: str
    resource: Resource


def _runs(store: Store, wanted: str, blind: list[Blind]) -> tuple[list[Run], str]:
    """Return the runs to look at, and the whole id of the one that was chosen; its tags may tell of one not here."""
    ids = [str(facts["run"]) for facts in list_runs(store)]
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
            blind.append(Blind(f"run {run_id}", str(exc), needed=True))
    return runs, wanted


def _entries(run: Run, blind: list[Blind]) -> list[LedgerEntry]:
    """Return what may still exist, what was entered last first, as it was made in that order."""
    try:
        entries = [entry for entry in run.ledger() if entry.deleted is None]
    except UserError:
        raise
    except Exception as exc:  # noqa: BLE001 - whatever a damaged file raises must not hide the other runs
        blind.append(Blind(f"the ledger of run {run.id}", f"{type(exc).__name__}: {exc}", needed=True))
        return []
    return sorted(entries, key=lambda entry: -entry.entered)


def _sweep(runs: list[Run], runtime: Runtime, run_id: str, blind: list[Blind]) -> dict[_Key, Tagged]:
    """Ask every sweeper, in each place where a run of the store worked and in the one that the environment names."""
    found: dict[_Key, Tagged] = {}
    if runtime.offline:
        return found
    for offer in runtime.registry.offers("sweeper"):
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
                sweeper: Sweeper = runtime.registry.sweeper(offer.card.name, settings)
                place = sweeper.place
                if place not in swept:
                    swept.add(place)
                    for known in sweeper.list(run_id):
                        found.setdefault(_Key(known.run_id, known.resource), Tagged(known, sweeper))
            except LLMOpsError as exc:
                error = str(exc).removeprefix(f"{place}: ")
                if not any(other.error == error for other in blind):
                    blind.append(Blind(place, error, needed=settings in used))
    return found
