"""The runs of a store: their list, and the run that a name means."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from datetime import datetime, timezone

import attrs

from llmops_sdk.errors import RecordError, RunNotFoundError, UserError, did_you_mean
from llmops_sdk.record.files import read_json, sealed, to_value
from llmops_sdk.record.layout import LAST_RUN, RUNS, RunLayout, run_id_of
from llmops_sdk.record.metadata import RUN_SCHEMA, Place, RunMetadata
from llmops_sdk.record.schema1 import upgrade_metadata, upgrade_results, upgrade_started
from llmops_sdk.record.stores import Store
from llmops_sdk.values.results import RESULTS_SCHEMA, Results
from llmops_sdk.values.step_records import Started, StepRecord

MOST_PIPELINES = 1_000
"""The most pipelines whose newest run is noted."""

_MOST_NAMED = 5
"""The most runs that an error names."""


@attrs.frozen
class UnreadableRun:
    """A run of a store whose metadata cannot be read, and why."""

    run: str
    error: str


def list_runs(store: Store) -> tuple[RunMetadata, ...]:
    """Return the metadata of all runs, oldest first; those that cannot be read are in `unreadable_runs`."""
    runs = (item for item in _read_all(store) if isinstance(item, RunMetadata))
    return tuple(sorted(runs, key=lambda run: run.order))


def unreadable_runs(store: Store) -> tuple[UnreadableRun, ...]:
    """Return the runs whose metadata cannot be read; they hide no other run."""
    return tuple(item for item in _read_all(store) if isinstance(item, UnreadableRun))


def new_run_id(name: str) -> str:
    """Return an ID for a new run of the pipeline of this name."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "run"
    return f"{slug}-{datetime.now(timezone.utc):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def take_place(store: Store, name: str, run_id: str) -> Place:
    """Give a new run the next number.

    Args:
        store: The store.
        name: The name of its pipeline.
        run_id: The run.
    """
    with store.claim(LAST_RUN):
        try:
            data = read_json(store, LAST_RUN)
            last, runs = int(data["sequence"]), dict(data.get("runs", {}))
        except (RecordError, TypeError, KeyError, ValueError):  # the first run, or the file is damaged or gone
            known = list_runs(store)
            last, runs = max((run.sequence for run in known), default=0), {run.name: run.run for run in known}
        previous = runs.pop(name, "")
        newest = dict(list(runs.items())[-MOST_PIPELINES:])
        store.put(LAST_RUN, sealed({"sequence": last + 1, "runs": {**newest, name: run_id}}))
    return Place(last + 1, previous if previous != run_id else "")


def run_exists(store: Store, run_id: str) -> bool:
    """Return whether the store has a run of exactly this ID."""
    return store.get(RunLayout(run_id).metadata) is not None


def find_run(store: Store, name: str) -> str:
    """Return the ID of a run.

    Args:
        store: The store.
        name: The ID, a unique prefix of it, the name of a pipeline (its newest run), or `latest`.

    Raises:
        RunNotFoundError: No run, or more than one, has this prefix.
    """
    if run_exists(store, name):
        return name
    runs = list_runs(store)
    ids = [run.run for run in runs]
    where = store.uri or "this store"
    if not ids:
        message = f"there are no runs in {where!r}; start one with: llmops run FILE"
        raise RunNotFoundError(message)
    if name == "latest":
        return ids[-1]
    of_pipeline = [run.run for run in runs if run.name == name]
    if of_pipeline:
        return of_pipeline[-1]
    matches = [run_id for run_id in ids if run_id.startswith(name)]
    if len(matches) > 1:
        newest = ", ".join(matches[-_MOST_NAMED:])
        message = f"{len(matches)} runs start with {name!r}; give more characters; the newest ones: {newest}"
        raise RunNotFoundError(message)
    if not matches:
        hint = did_you_mean(name, ["latest", *ids[-_MOST_NAMED:]])
        message = f"there is no run {name!r} in {where!r}{hint}"
        raise RunNotFoundError(message)
    return matches[0]


def _read_all(store: Store) -> Iterator[RunMetadata | UnreadableRun]:
    for key in store.list(RUNS):
        run_id = run_id_of(key)
        if not run_id:
            continue
        try:
            yield read_metadata(store, run_id)
        except (UserError, OSError) as exc:
            yield UnreadableRun(run_id, " ".join(str(exc).split()))


def read_metadata(store: Store, run_id: str) -> RunMetadata:
    """Return the metadata of a run.

    Raises:
        RunNotFoundError: There is no such run, or a later version wrote it.
        RecordError: Its `run.json` is damaged.
    """
    key = RunLayout(run_id).metadata
    data = read_json(store, key)
    if data is None:
        message = f"there is no run {run_id!r} in {store.uri or 'this store'!r}"
        raise RunNotFoundError(message)
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema == 1:
        data = upgrade_metadata(data)
    elif schema != RUN_SCHEMA and isinstance(schema, int):
        message = f"run {run_id!r} has record schema {schema}; this version of llmops-sdk reads 1 and {RUN_SCHEMA}"
        raise RunNotFoundError(message)
    metadata: RunMetadata = to_value(data, RunMetadata, store, key)
    return metadata


def read_record(store: Store, run_id: str, step: str) -> StepRecord | None:
    """Return how a step of a run ended, or None if it has no record; one that is damaged is none."""
    key = RunLayout(run_id).step(step)
    try:
        data = read_json(store, key)
        if data is None:
            return None
        record: StepRecord = to_value(data, StepRecord, store, key)
    except RecordError:
        return None
    return record


def read_started(store: Store, run_id: str, step: str) -> Started | None:
    """Return which process started a step of a run and when it was last alive, or None.

    A process that is alive writes it again every few seconds: one that is damaged is of a process that is gone.
    """
    key = RunLayout(run_id).started(step)
    try:
        data = read_json(store, key)
        if not isinstance(data, dict):
            return None
        started: Started = to_value(upgrade_started(data), Started, store, key)
    except (RecordError, KeyError):
        return None
    return started


def read_results(store: Store, run_id: str) -> Results | None:
    """Return what `results.json` of a run holds, or None where there is none.

    Raises:
        RunNotFoundError: A later version wrote it.
        RecordError: It is damaged.
    """
    key = RunLayout(run_id).results
    data = read_json(store, key)
    if data is None:
        return None
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema == 1:
        data = {**upgrade_results(data), "schema": RESULTS_SCHEMA}
    elif schema != RESULTS_SCHEMA and isinstance(schema, int):
        message = f"the results of run {run_id!r} have schema {schema!r}; this version of llmops-sdk reads 1 and {RESULTS_SCHEMA}"
        raise RunNotFoundError(message)
    results: Results = to_value(data, Results, store, key)
    return results
