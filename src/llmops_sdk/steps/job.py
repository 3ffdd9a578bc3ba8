"""What every kind of step is handed, and what it gives back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.plugin.context import Context
from llmops_sdk.record.artifacts import Artifact
from llmops_sdk.record.layout import ArtifactLayout
from llmops_sdk.record.run import Run
from llmops_sdk.steps.heartbeat import HEARTBEAT
from llmops_sdk.steps.runtime import Runtime
from llmops_sdk.values.data import DatasetSplits, Split
from llmops_sdk.values.serial import from_json
from llmops_sdk.values.step_records import Succeeded


@attrs.frozen
class Job:
    """One step being run.

    Attributes:
        run: The run.
        step: The step's name.
        runtime: What this process brings.
        log: The step's log.
        at: When it began, in seconds since the epoch.
    """

    run: Run
    step: str
    runtime: Runtime
    log: logging.Logger
    at: float

    def mark_started(self) -> None:
        """Say in the record that there is work to do; a step of which all was made before says nothing."""
        HEARTBEAT.start(self.run, self.step, self.at)

    def context(self, folder: Path) -> Context:
        """Make what a plugin is handed."""
        return self.runtime.context(self.run, self.step, folder, self.log)

    def made_by(self, step: str, name: str) -> Artifact:
        """Return an artifact of an earlier step that succeeded."""
        record = self.run.record(step)
        found = self.run.artifact(record.artifacts[name]) if isinstance(record, Succeeded) else None
        if found is None:
            message = f"what step {step!r} made is gone from the store; run the pipeline again"
            raise FileNotFoundError(message)
        return found

    @contextmanager
    def splits(self, dataset: str) -> Iterator[DatasetSplits]:
        """Lend the splits of a dataset, as files on this machine."""
        artifact = self.made_by(f"prepare.{dataset}", "data")
        with self.run.artifact_folder(artifact.address) as folder:
            yield splits_in(folder, artifact)

    def claim(self, address: str) -> AbstractContextManager[None]:
        """Keep other processes on this machine from making the same thing; tells when another one has it."""
        said = f"{self.step}: waiting for another run that makes the same"
        return self.run.store.claim(ArtifactLayout(address).prefix, waiting=lambda: self.runtime.progress.log(said))

    def make_once(self, address: str, make: Callable[[Path], Any]) -> Once:
        """Return a finished artifact, or make it: no other process on this machine makes it at the same time.

        Args:
            address: `kind/key`.
            make: Gets the folder to make it in, with what an interrupted attempt left there; returns the value.
        """
        found = self.run.artifact(address)
        if found is not None:
            return Once(found, cached=True)
        self.mark_started()
        with self.claim(address):
            found = self.run.artifact(address)  # another process may have made it while this one waited
            if found is not None:
                return Once(found, cached=True)
            with self.run.store.workspace(ArtifactLayout(address).prefix, self.runtime.home) as folder:
                value = make(folder)
            return Once(self.run.finish_artifact(address, value), cached=False)


@attrs.frozen
class Once:
    """An artifact, and whether it had been made before."""

    artifact: Artifact
    cached: bool


@attrs.frozen
class Made:
    """What a kind of step gives back.

    Attributes:
        artifacts: Names to addresses.
        cached: Whether all of it had been made before.
    """

    artifacts: Mapping[str, str]
    cached: bool


def splits_in(folder: Path, artifact: Artifact) -> DatasetSplits:
    """Return the splits that a data artifact holds, with the paths they have in `folder`."""
    splits: DatasetSplits = from_json(artifact.value, DatasetSplits)

    def there(split: Split) -> Split:
        return attrs.evolve(split, path=folder / split.path)

    return attrs.evolve(splits, train=there(splits.train), test=there(splits.test))
