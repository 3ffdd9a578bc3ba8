"""The run record: one execution of a plan, in files of a store. Report, compare and resume read it and nothing else.

plans/<hash>/plan.json                the plan, immutable
runs/<run>/run.json                   which plan, when, by which version
runs/<run>/steps/<step>.started.json  host, process, heartbeat
runs/<run>/steps/<step>.json          Succeeded or Failed
runs/<run>/ledger/<resource>.json     what could outlive the run, written before it is created
runs/<run>/logs/<step>.log
runs/<run>/samples/<cell>.jsonl       every test record with its prompt, output and scores
runs/<run>/results.json, report.html
artifacts/<kind>/<key>/               what steps made, addressed by the hash of what made it
"""

from __future__ import annotations

import json
import os
import platform
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from functools import cached_property
from importlib.metadata import version
from typing import Any

import attrs

from llmops_sdk.errors import RunNotFoundError, did_you_mean
from llmops_sdk.record.stores import Store
from llmops_sdk.values.plan import Plan
from llmops_sdk.values.resources import Resource
from llmops_sdk.values.results import RESULTS_SCHEMA, Results
from llmops_sdk.values.serial import canonical, from_json, to_json
from llmops_sdk.values.step_records import Started, StepRecord

RUN_SCHEMA = 1
HEARTBEAT_SECONDS = 15.0
"""How often a running step says that it is alive."""


@attrs.frozen
class LedgerEntry:
    """A resource as the ledger holds it.

    Attributes:
        resource: What it is.
        step: Which step creates it.
        entered: When it was entered, in seconds since the epoch.
        deleted: When it was deleted, in seconds since the epoch, or None while it may exist.
        kept: Whether its step has come to its end and left it, as the user wished.
    """

    resource: Resource
    step: str
    entered: float = 0.0
    deleted: float | None = None
    kept: bool = False


@attrs.frozen
class Artifact:
    """What a step made, once, and who uses it again.

    Attributes:
        address: `kind/key`; its files are below `artifacts/<address>/` in the store.
        value: The typed value it holds, as JSON.
    """

    address: str
    value: Any


class Run:
    """One execution of a plan, and its record.

    Attributes:
        store: Where the record is.
        id: The run's name, unique in its store.
        plan: What is executed.
        metadata: When it was created and by what.
    """

    def __init__(self, store: Store, run_id: str, plan: Plan, metadata: Mapping[str, Any]) -> None:
        self.store = store.suited(plan.settings)
        self.id = run_id
        self.plan = plan
        self.metadata = metadata
        self._base = f"runs/{run_id}"
        # What is done does not change: it is read once.
        self._records: dict[str, StepRecord] = {}
        self._artifacts: dict[str, Artifact] = {}

    def __repr__(self) -> str:
        return f"Run({self.id!r}, store={self.store.uri or type(self.store).__name__!r})"

    @classmethod
    def create(cls, store: Store, plan: Plan, *, based_on: str = "", run_id: str = "") -> Run:
        """Begin the record of a new run of `plan`.

        Args:
            store: Where.
            plan: What will be executed.
            based_on: The run whose steps it takes over, where it is scored anew.
            run_id: Its name, where something else gives it one; by default one is made from the plan's name.
        """
        now = datetime.now(timezone.utc)
        slug = re.sub(r"[^a-z0-9]+", "-", plan.name.lower()).strip("-")[:40] or "run"
        run_id = run_id or f"{slug}-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        metadata = {
            "schema": RUN_SCHEMA,
            "run": run_id,
            "name": plan.name,
            "plan": plan.hash,
            "created": now.isoformat(timespec="milliseconds"),  # so fine that `latest` is the latest
            "version": version("llmops-sdk"),
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
            **({"based_on": based_on} if based_on else {}),
        }
        if store.get(f"plans/{plan.hash}/plan.json") is None:
            store.put(f"plans/{plan.hash}/plan.json", canonical(plan.json))
        store.put(f"runs/{run_id}/run.json", canonical(metadata))
        return cls(store, run_id, plan, metadata)

    @classmethod
    def open(cls, store: Store, run_id: str) -> Run:
        """Open the record of a run: its whole id, an unambiguous beginning of it, or `latest`.

        Raises:
            RunNotFoundError: The store has no such run.
        """
        run_id = find_run(store, run_id)
        metadata = json.loads(store.get(f"runs/{run_id}/run.json") or b"{}")
        if metadata.get("schema") != RUN_SCHEMA:
            message = (
                f"run {run_id!r} was written in record form {metadata.get('schema')!r}; this version reads {RUN_SCHEMA}"
            )
            raise RunNotFoundError(message)
        plan = store.get(f"plans/{metadata['plan']}/plan.json")
        if plan is None:
            message = f"the plan of run {run_id!r} is gone from the store (plans/{metadata['plan']}/plan.json)"
            raise RunNotFoundError(message)
        return cls(store, run_id, Plan.from_json(json.loads(plan)), metadata)

    # -- steps ----------------------------------------------------------------------------------

    def record(self, step: str) -> StepRecord | None:
        """Return what the step left, or None while it is not done."""
        if step in self._records:
            return self._records[step]
        data = self.store.get(f"{self._base}/steps/{step}.json")
        if data is None:
            return None
        try:
            record: StepRecord = from_json(json.loads(data), StepRecord)
        except ValueError:  # torn by a power cut: the step is done again
            return None
        self._records[step] = record
        return record

    def write_record(self, record: StepRecord) -> None:
        """Keep what a step left."""
        self._records[record.step] = record
        self.store.put(f"{self._base}/steps/{record.step}.json", canonical(to_json(record, StepRecord)))

    def clear_record(self, step: str) -> None:
        """Remove the record of a failed step, so that it is done again."""
        self._records.pop(step, None)
        self.store.delete(f"{self._base}/steps/{step}.json")

    def started(self, step: str) -> Started | None:
        """Return who began the step and when it was last alive, or None."""
        data = self.store.get(f"{self._base}/steps/{step}.started.json")
        return from_json(json.loads(data), Started) if data else None

    def write_started(self, step: str, at: float) -> None:
        """Say that this process works on the step, now."""
        mark = {"at": at, "beat": time.time(), "host": _HOST, "pid": os.getpid(), "step": step}
        self.store.put(f"{self._base}/steps/{step}.started.json", canonical(mark))

    # -- artifacts ------------------------------------------------------------------------------

    def artifact(self, address: str) -> Artifact | None:
        """Return a finished artifact, or None while there is none."""
        if address in self._artifacts:
            return self._artifacts[address]
        data = self.store.get(f"artifacts/{address}/artifact.json")
        if data is None:
            return None
        try:
            found = Artifact(address, json.loads(data)["value"])
        except ValueError:  # torn by a power cut: it is made again
            return None
        self._artifacts[address] = found
        return found

    def finish_artifact(self, address: str, value: Any) -> Artifact:
        """Mark an artifact as whole. Its files are in the store already."""
        made = {"address": address, "run": self.id, "value": value}
        self.store.put(f"artifacts/{address}/artifact.json", canonical(made))
        self._artifacts[address] = Artifact(address, value)
        return self._artifacts[address]

    # -- ledger ---------------------------------------------------------------------------------

    def add_resource(self, resource: Resource, step: str) -> None:
        """Write a resource into the ledger, before it is created."""
        self._write_entry(LedgerEntry(resource, step, entered=time.time()))

    def mark_kept(self, resource: Resource, step: str) -> None:
        """Note that a resource stays when its step has ended, as the user wished."""
        self._write_entry(LedgerEntry(resource, step, entered=time.time(), kept=True))

    def mark_deleted(self, resource: Resource, step: str) -> None:
        """Note that a resource is deleted."""
        self._write_entry(LedgerEntry(resource, step, deleted=time.time()))

    def ledger(self) -> tuple[LedgerEntry, ...]:
        """Return all resources this run created or meant to create."""
        keys = self.store.list(f"{self._base}/ledger/")
        return tuple(from_json(json.loads(self.store.get(key) or b"{}"), LedgerEntry) for key in keys)

    def _write_entry(self, entry: LedgerEntry) -> None:
        key = f"{self._base}/ledger/{entry.resource.kind}.{entry.resource.name}.json"
        self.store.put(key, canonical(to_json(entry)))

    # -- conclusions ----------------------------------------------------------------------------

    @property
    def has_results(self) -> bool:
        """Whether `compare` has concluded."""
        return self.store.get(f"{self._base}/results.json") is not None

    def results(self) -> Results:
        """Return what the run concluded.

        Raises:
            RunNotFoundError: It has not come so far.
        """
        data = self.store.get(f"{self._base}/results.json")
        if data is None:
            message = f"run {self.id!r} has no results yet; finish it with: llmops run --resume {self.id}"
            raise RunNotFoundError(message)
        found = json.loads(data)
        if found.get("schema") != RESULTS_SCHEMA:
            message = f"the results of run {self.id!r} are in form {found.get('schema')!r}; this version reads {RESULTS_SCHEMA}"
            raise RunNotFoundError(message)
        results: Results = from_json(found, Results)
        return results

    def write_results(self, leaderboards: Any, evaluators: Any) -> None:
        """Keep the conclusion: `Results`, its parts as JSON."""
        found = {"evaluators": evaluators, "leaderboards": leaderboards, "name": self.plan.name, "run_id": self.id}
        self.store.put(f"{self._base}/results.json", canonical({**found, "schema": RESULTS_SCHEMA}))

    def samples(self, cell: str) -> Iterator[dict[str, Any]]:
        """Yield every test record of a cell with its prompt, output and scores, in the test split's order."""
        for line in self.store.read_lines(f"{self._base}/samples/{cell}.jsonl"):
            yield json.loads(line)

    def put_samples(self, cell: str, artifact: str) -> None:
        """Put the samples of a cell into the record."""
        self.store.copy(f"artifacts/{artifact}/samples.jsonl", f"{self._base}/samples/{cell}.jsonl")

    def put(self, name: str, data: bytes) -> None:
        """Keep a file of the run (`report.html`)."""
        self.store.put(f"{self._base}/{name}", data)

    @cached_property
    def location(self) -> str:
        """Where people find it: the folder, or the keys' beginning."""
        return self.store.locate(self._base)


_HOST = platform.node()


def list_runs(store: Store) -> list[dict[str, Any]]:
    """Return the metadata of all runs, oldest first."""
    keys = [key for key in store.list("runs/") if re.fullmatch(r"runs/[^/]+/run\.json", key)]
    found = [json.loads(store.get(key) or b"{}") for key in keys]
    return sorted(found, key=lambda metadata: str(metadata.get("created", "")) + str(metadata.get("run", "")))


def find_run(store: Store, name: str) -> str:
    """Return the whole id of a run.

    Raises:
        RunNotFoundError: No run, or more than one, begins so.
    """
    if store.get(f"runs/{name}/run.json") is not None:
        return name
    ids = [str(metadata["run"]) for metadata in list_runs(store)]
    where = store.uri or "this store"
    if not ids:
        message = f"there are no runs in {where!r}; make one with: llmops run FILE"
        raise RunNotFoundError(message)
    if name == "latest":
        return ids[-1]
    found = [run_id for run_id in ids if run_id.startswith(name)]
    if len(found) > 1:
        message = f"{name!r} is the beginning of {len(found)} runs; say more of it: {', '.join(found)}"
        raise RunNotFoundError(message)
    if not found:
        message = f"there is no run {name!r} in {where!r}{did_you_mean(name, ids[-20:])}"
        raise RunNotFoundError(message)
    return found[0]
