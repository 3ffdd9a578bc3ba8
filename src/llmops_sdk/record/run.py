"""The record of a run: one execution of a plan, in files of a store, which `record/layout.py` draws. All that is shown of it is read here."""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from llmops_sdk.errors import RecordError, RunNotFoundError, StoreError
from llmops_sdk.notebook import Shown
from llmops_sdk.record.artifacts import Artifact, artifact_damage, is_unchanged, read_artifact, write_artifact
from llmops_sdk.record.files import sealed, sealed_again
from llmops_sdk.record.layout import SAMPLES, SPECIFICATION, ArtifactLayout, RunLayout, prepared_key
from llmops_sdk.record.ledger import Ledger
from llmops_sdk.record.lines import read_samples
from llmops_sdk.record.locks import Uses
from llmops_sdk.record.marks import FileMark
from llmops_sdk.record.metadata import RunMetadata
from llmops_sdk.record.plans import read_plan, write_plan
from llmops_sdk.record.runs import (
    find_run,
    new_run_id,
    read_metadata,
    read_record,
    read_results,
    read_started,
    run_exists,
    take_place,
)
from llmops_sdk.record.stores import Store
from llmops_sdk.values.artifacts import ResultsValue
from llmops_sdk.values.plan import Plan, PrepareStep, ScoreStep
from llmops_sdk.values.results import RESULTS_SCHEMA, Results
from llmops_sdk.values.samples import Sample
from llmops_sdk.values.serial import to_json
from llmops_sdk.values.step_records import Started, StepRecord, Succeeded

_HOST = platform.node()


class Run(Shown, Ledger, Uses):
    """One execution of a plan, and its record.

    Attributes:
        store: Where the record is.
        id: The run's ID, unique in its store.
        plan: What is executed.
        metadata: When it was created and by what.
    """

    def __init__(self, store: Store, run_id: str, plan: Plan, metadata: RunMetadata) -> None:
        self.store = store.suited(plan.settings)
        self.id = run_id
        self.plan = plan
        self.metadata = metadata
        self._layout = RunLayout(run_id)
        # What is done does not change: it is read once.
        self._records: dict[str, StepRecord] = {}
        self._artifacts: dict[str, Artifact] = {}
        self._sound: set[str] = set()  # seals of artifacts whose files were read

    def __repr__(self) -> str:
        return f"Run({self.id!r}, store={self.store.uri or type(self.store).__name__!r})"

    # -- create and open ------------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        store: Store,
        plan: Plan,
        *,
        run_id: str = "",
        based_on: str = "",
        details: Mapping[str, str] | None = None,
        prepared: bool = False,
    ) -> Run:
        """Create the record of a new run of `plan`.

        Args:
            store: Where.
            plan: What will be executed.
            run_id: Its ID, where something else chooses it; by default it is made of the plan's name.
            based_on: The run whose generations are scored again.
            details: What the executor adds to the run's metadata, by name; the report shows it.
            prepared: Whether the run starts with the `prepare` steps that `share_prepared` left beside the plan.
        """
        run_id = run_id or new_run_id(plan.name)
        metadata = RunMetadata.of_this_process(
            run_id, plan.name, plan.hash, place=take_place(store, plan.name, run_id), based_on=based_on, details=details
        )
        write_plan(store, plan)
        run = cls(store, run_id, plan, metadata)
        if prepared:  # before the run exists: a process that finds it finds these too
            run._take_prepared()
        store.put_durable(run._layout.metadata, sealed(to_json(metadata)))
        write_plan(store, plan)  # again: from now on `llmops clean` sees who needs it, but not before
        return run

    @classmethod
    def open(cls, store: Store, run_id: str) -> Run:
        """Open the record of a run: its ID, a unique prefix of it, or `latest`.

        Raises:
            RunNotFoundError: The store has no such run, or no longer its plan, or a later version wrote it.
            RecordError: Its `run.json` or its plan is damaged.
        """
        run_id = find_run(store, run_id)
        metadata = read_metadata(store, run_id)
        return cls(store, run_id, read_plan(store, metadata.plan), metadata)

    @classmethod
    def open_or_create(cls, store: Store, plan: Plan, run_id: str) -> Run:
        """Return the run of this ID; the first process that asks creates it, with the shared `prepare` steps."""
        if run_exists(store, run_id):
            return cls.open(store, run_id)
        return cls.create(store, plan, run_id=run_id, prepared=True)

    @classmethod
    @contextmanager
    def temporary(cls, store: Store, plan: Plan) -> Iterator[Run]:
        """Yield a run that no list shows and that is deleted at the end, for steps to be run before a run exists.

        The plan is written, and stays.
        """
        write_plan(store, plan)
        run_id = f"preparing-{secrets.token_hex(6)}"
        run = cls(store, run_id, plan, RunMetadata.of_this_process(run_id, plan.name, plan.hash))
        try:
            yield run
        finally:
            store.delete(f"{run._layout.prefix}/")

    def with_plan(self, plan: Plan) -> Run:
        """Return the same run as it looks under another plan; nothing that was read is kept in memory."""
        return Run(self.store, self.id, plan, self.metadata)

    # -- steps ----------------------------------------------------------------------------------

    def record(self, step: str) -> StepRecord | None:
        """Return how the step ended, or None if it has no record; one that is damaged is none: the step is run again."""
        record = self._records.get(step) or read_record(self.store, self.id, step)
        if record is not None:
            self._records[step] = record
        return record

    def write_record(self, record: StepRecord) -> None:
        """Write how a step ended."""
        self._records[record.step] = record
        key, data = self._layout.step(record.step), sealed(to_json(record, StepRecord))
        if isinstance(record, Succeeded) and record.cached:
            self.store.put(key, data)  # if a power cut loses it, the step finds its artifacts again
        else:
            self.store.put_durable(key, data)

    def clear_record(self, step: str) -> None:
        """Remove the record of a failed step, so that it is done again."""
        self._records.pop(step, None)
        self.store.delete(self._layout.step(step))

    def started(self, step: str) -> Started | None:
        """Return which process started the step and when it was last alive, or None."""
        return read_started(self.store, self.id, step)

    def write_started(self, step: str, at: float) -> None:
        """Write that this process works on the step, now.

        Args:
            step: The step.
            at: When it started, in seconds since the epoch.
        """
        started = Started(step, _HOST, os.getpid(), started_at=at, heartbeat=time.time())
        self.store.put(self._layout.started(step), sealed(to_json(started)))

    def share_prepared(self, step: str) -> None:
        """Put the record of a `prepare` step beside the plan, for every run that starts with it."""
        self.store.copy(self._layout.step(step), prepared_key(self.plan.hash, step))

    def _take_prepared(self) -> None:
        for step in self.plan.steps:
            if isinstance(step, PrepareStep):
                self.store.copy(prepared_key(self.plan.hash, step.name), self._layout.step(step.name))

    # -- artifacts ------------------------------------------------------------------------------

    def artifact(self, address: str, *, reread: bool = False) -> Artifact | None:
        """Return a finished artifact, or None while there is none; one that is damaged is none.

        Its files are read, and compared with what was recorded of them, at its first use.

        Args:
            address: `kind/key`.
            reread: Whether to look into the store again, where another process may have completed it.
        """
        artifact = self._artifacts.get(address)
        if artifact is None or (reread and not is_unchanged(self.store, artifact)):
            artifact = read_artifact(self.store, address, trusted=self._sound)
            if artifact is None:
                self._artifacts.pop(address, None)
                return None
            self._artifacts[address] = artifact
            self._sound.add(artifact.seal)
        return artifact

    def damage(self, address: str) -> str:
        """Return what is wrong with an artifact, or an empty text: it is sound, or there is none."""
        return artifact_damage(self.store, address)

    def delete_artifact(self, address: str) -> None:
        """Delete an artifact with its files."""
        self._artifacts.pop(address, None)
        self.store.delete(f"{ArtifactLayout(address).prefix}/")

    def finish_artifact(self, address: str, value: Any, files: Mapping[str, FileMark] | None = None) -> Artifact:
        """Mark an artifact as finished; its files are in the store already.

        Args:
            address: `kind/key`.
            value: The value it holds, an attrs class.
            files: Its files by their names.
        """
        artifact = write_artifact(self.store, address, self.id, value, files)
        self._artifacts[address] = artifact
        self._sound.add(artifact.seal)
        return artifact

    def artifact_folder(self, address: str) -> AbstractContextManager[Path]:
        """Yield a folder with an artifact's files to read: a copy where the store is not on this disk."""
        return self.store.folder(ArtifactLayout(address).prefix)

    # -- logs -----------------------------------------------------------------------------------

    def logs(self) -> tuple[str, ...]:
        """Return the names of the logs: those of steps are called like the step."""
        return tuple(self._layout.log_name(key) for key in self.store.list(self._layout.logs))

    def read_log(self, name: str) -> bytes | None:
        """Return a log, or None where the run has none of this name."""
        return self.store.get(self._layout.log(name))

    def put_log(self, name: str, data: bytes) -> None:
        """Write a complete log, replacing what it had."""
        self.store.put(self._layout.log(name), data)

    def append_log(self, name: str, text: str) -> None:
        """Add text to the end of a log; one process writes one log."""
        self.store.append(self._layout.log(name), text.encode())

    def log_file(self, name: str) -> AbstractContextManager[Path]:
        """Yield a file for another process to append to; at the end of the block its text is at the end of the log."""
        return self.store.log_file(self._layout.log(name))

    def log_location(self, name: str) -> str:
        """Return where people find a log: its path or URI."""
        return self.store.locate(self._layout.log(name))

    # -- conclusions ----------------------------------------------------------------------------

    @property
    def has_results(self) -> bool:
        """Whether the `compare` step has written its results."""
        return self.store.get(self._layout.results) is not None or self._artifact_results() is not None

    def results(self) -> Results:
        """Return what the run concluded; where `results.json` is damaged or gone, from the artifact it was made of.

        Raises:
            RunNotFoundError: It has no results yet, or a later version wrote them.
            RecordError: They are damaged, and so is the artifact.
        """
        try:
            results = read_results(self.store, self.id)
        except RecordError as exc:
            results = self._artifact_results()
            if results is None:
                message = f"{exc}; write it again with: llmops run --resume {self.id}"
                raise RecordError(message) from exc
        results = results or self._artifact_results()
        if results is None:
            message = f"run {self.id!r} has no results yet; finish it with: llmops run --resume {self.id}"
            raise RunNotFoundError(message)
        return results

    def _artifact_results(self) -> Results | None:
        record = self.record("compare")
        if not isinstance(record, Succeeded):
            return None
        artifact = self.artifact(record.artifacts.get("results", ""))
        value: ResultsValue | None = artifact.read(ResultsValue) if artifact else None
        return value.of_run(self.id, self.plan.name) if value else None

    def write_results(self, artifact: Artifact) -> None:
        """Write `results.json`: the conclusions that an artifact holds (`ResultsValue`), under this run's ID."""
        run = {"run_id": self.id, "name": self.plan.name, "schema": RESULTS_SCHEMA}
        self.store.put_durable(self._layout.results, sealed({**artifact.value, **run}))

    def samples(self, cell: str) -> Iterator[Sample]:
        """Yield every test record of a cell with its prompt, answer and scores, in the test split's order.

        Samples that were changed, truncated or removed are put back from the artifact that holds them.

        Raises:
            RecordError: They are damaged, and so is the artifact.
        """
        key, address = self._layout.samples(cell), self.samples_address(cell)
        if address and self.artifact(address) is None:
            message = f"the samples of {cell!r} are damaged; write them again with: llmops run --resume {self.id}"
            raise RecordError(message)
        with contextlib.suppress(OSError, StoreError):  # a store that cannot be written to
            self.restore_samples(cell)
        if not self.has_samples(cell):
            key = ArtifactLayout(address).file(SAMPLES)
        return read_samples(self.store.read_lines(key), self.store.locate(key))

    def restore_samples(self, cell: str) -> None:
        """Put samples that were changed, truncated or removed back from the artifact that holds them."""
        if not self.has_samples(cell):
            self.put_samples(cell, self.samples_address(cell))

    def has_samples(self, cell: str) -> bool:
        """Return whether the samples of a cell are what the artifact holds, as far as there is one to compare."""
        address = self.samples_address(cell)
        artifact = self.artifact(address) if address else None
        mark = artifact.files.get(SAMPLES) if artifact else None
        return mark is None or self.store.holds(self._layout.samples(cell), mark)

    def samples_address(self, cell: str) -> str:
        """Return the artifact with the samples of a cell; empty where no step wrote them."""
        steps = [step.name for step in self.plan.steps if isinstance(step, ScoreStep) and step.cell == cell]
        records = [record for name in steps if isinstance(record := self.record(name), Succeeded)]
        return records[-1].artifacts.get("samples", "") if records else ""  # those of the last planned look

    def put_samples(self, cell: str, address: str) -> None:
        """Put the samples of a cell into the record, from the artifact that holds them."""
        self.store.copy(ArtifactLayout(address).file(SAMPLES), self._layout.samples(cell))

    # -- other files ----------------------------------------------------------------------------

    def read(self, name: str) -> bytes | None:
        """Return a file of the run by its name (`specification.yaml`), or None where there is none."""
        return self.store.get(self._layout.file(name))

    def put(self, name: str, data: bytes) -> None:
        """Write a file of the run (`report.html`)."""
        self.store.put(self._layout.file(name), data)

    def put_files(self, folder: Path) -> None:
        """Write the files of a folder, and of those inside it, as files of the run; one at a time, never all in memory."""
        self.store.upload(folder, self._layout.prefix)

    def locate(self, name: str) -> str:
        """Return where people find a file of the run: its path or URI."""
        return self.store.locate(self._layout.file(name))

    def endpoint_folder(self, step: str, home: Path) -> AbstractContextManager[Path]:
        """Yield a folder for the files of the endpoint that a step deploys.

        Args:
            step: The step.
            home: The cache of this machine, for files on their way to a store that is not on this disk.
        """
        return self.store.workspace(self._layout.endpoint(step), home)

    def copy_file(self, source: Run, name: str) -> None:
        """Copy a file of another run, if it has it (`specification.yaml`)."""
        data = source.read(name)
        if data is not None:
            self.put(name, data)

    def copy_record(self, source: Run, addresses: Mapping[str, str]) -> None:
        """Copy the steps, ledger, logs, samples and results of the same run in another store.

        Args:
            source: The same run (the same ID) in another store.
            addresses: Addresses of artifacts in the source's store, and what they are in this run's store; they are
                replaced in every JSON file.
        """
        own = {self._layout.metadata, self._layout.file(SPECIFICATION)}
        for key in source.store.list(f"{self._layout.prefix}/"):
            if key in own:
                continue
            data = source.store.get(key) or b""
            if key.endswith(".json"):
                for old, new in addresses.items():
                    data = data.replace(old.encode(), new.encode())
                data = sealed_again(data)
            self.store.put(key, data)

    @cached_property
    def location(self) -> str:
        """Where people find the record: the folder, or the prefix of its keys."""
        return self.store.locate(self._layout.prefix)
