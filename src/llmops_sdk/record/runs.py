"""The runs of a store: their list, and the run that a name means."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from llmops_sdk.errors import RunNotFoundError, UserError, did_you_mean
from llmops_sdk.record.files import read_json, to_value
from llmops_sdk.record.layout import RUNS, RunLayout, run_id_of
from llmops_sdk.record.metadata import RUN_SCHEMA, RunMetadata
from llmops_sdk.record.schema1 import upgrade_metadata
from llmops_sdk.record.stores import Store


@attrs.frozen
class UnreadableRun:
    """A run of a store whose metadata cannot be read, and why."""

    run: str
    error: str


def list_runs(store: Store) -> tuple[RunMetadata, ...]:
    """Return the metadata of all runs, oldest first; those that cannot be read are in `unreadable_runs`."""
    runs = (item for item in _read_all(store) if isinstance(item, RunMetadata))
    return tuple(sorted(runs, key=lambda run: (run.created, run.run)))


def unreadable_runs(store: Store) -> tuple[UnreadableRun, ...]:
    """Return the runs whose metadata cannot be read; they hide no other run."""
    return tuple(item for item in _read_all(store) if isinstance(item, UnreadableRun))


def run_exists(store: Store, run_id: str) -> bool:
    """Return whether the store has a run of exactly this ID."""
    return store.get(RunLayout(run_id).metadata) is not None


def find_run(store: Store, name: str) -> str:
    """Return the ID of a run.

    Args:
        store: The store.
        name: The ID, a unique prefix of it, or `latest`.

    Raises:
        RunNotFoundError: No run, or more than one, has this prefix.
    """
    if run_exists(store, name):
        return name
    ids = [run.run for run in list_runs(store)]
    where = store.uri or "this store"
    if not ids:
        message = f"there are no runs in {where!r}; start one with: llmops run FILE"
        raise RunNotFoundError(message)
    if name == "latest":
        return ids[-1]
    matches = [run_id for run_id in ids if run_id.startswith(name)]
    if len(matches) > 1:
        message = f"run prefix {name!r} is ambiguous ({len(matches)} runs): {', '.join(matches)}; give more characters"
        raise RunNotFoundError(message)
    if not matches:
        message = f"there is no run {name!r} in {where!r}{did_you_mean(name, ids[-20:])}"
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
