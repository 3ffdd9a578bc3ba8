"""`StepExecution`: one step being run, and what every kind of step does with it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.errors import RecordError
from llmops_sdk.plugin.cards import CardKind, ImplementationCard
from llmops_sdk.plugin.code import code_key, files_key
from llmops_sdk.plugin.context import Context
from llmops_sdk.plugin.functions.options import function_parts
from llmops_sdk.record.artifacts import Artifact, is_withdrawn
from llmops_sdk.record.layout import ArtifactLayout
from llmops_sdk.record.marks import mark_folder
from llmops_sdk.record.run import Run
from llmops_sdk.steps.heartbeat import HEARTBEAT
from llmops_sdk.steps.runtime import Runtime
from llmops_sdk.values.data import DatasetSplits, Split
from llmops_sdk.values.functions import is_function
from llmops_sdk.values.plan import Component, without_look
from llmops_sdk.values.serial import digest
from llmops_sdk.values.step_records import Succeeded

_NAMES = {
    "data": "the records are",
    "model": "the weights are",
    "scores": "the scores are",
    "samples": "the samples are",
    "looks": "the decision of a look is",
    "results": "the results are",
}
"""What messages call an artifact, by its kind."""


@attrs.frozen
class StepExecution:
    """One step being run.

    Attributes:
        run: The run.
        step: The step's name.
        runtime: The plugins, cache and progress of this process.
        log: The step's log.
        started_at: In seconds since the epoch.
    """

    run: Run
    step: str
    runtime: Runtime
    log: logging.Logger
    started_at: float

    def mark_started(self) -> None:
        """Start the heartbeat in the record. A step that reuses everything has none."""
        HEARTBEAT.start(self.run, self.step, self.started_at)

    def context(self, kind: CardKind, use: str, folder: Path) -> Context:
        """Make the context that an implementation gets.

        Args:
            kind: The kind of its card.
            use: The name of its card.
            folder: Where it writes.
        """
        context = self.runtime.context(
            run_id=self.run.id, step=self.step, folder=folder, log=self.log, settings=self.run.plan.settings
        )
        return context.for_card(kind, use)

    def key_of(self, kind: CardKind, component: Component) -> str:
        """Return the key of a component: of one that is not shipped, with its code and the files that its options name.

        Args:
            kind: The kind of its card.
            component: The component.
        """
        options, *others = self.parts_of(kind, component).values()
        return digest(options, *others) if others else options

    def parts_of(self, kind: CardKind, component: Component) -> dict[str, str]:
        """Return the parts of a component's key, by what messages call them: its options, its code and its files.

        Args:
            kind: The kind of its card.
            component: The component.
        """
        if is_function(component.use):
            return function_parts(component.options, f"{kind} {component.name!r}")
        offer = self.runtime.registry.offer(kind, component.use)
        load = offer.card.load if isinstance(offer.card, ImplementationCard) else ""
        code = code_key(offer.plugin.distribution, load.partition(":")[0])
        name = f"{kind} {component.name!r}"
        parts = {f"the options of {name}": component.key}
        if code:
            parts |= {f"the code of {name}": code, f"the files of {name}": files_key(component.options)}
        return parts

    def artifact_of(self, step: str, name: str) -> Artifact:
        """Return an artifact of an earlier step.

        Args:
            step: An earlier step that succeeded.
            name: Its name for the artifact.

        Raises:
            RecordError: It is damaged, or gone from the store.
        """
        record = self.run.record(step)
        artifact = self.run.artifact(record.artifacts[name]) if isinstance(record, Succeeded) else None
        if artifact is None:
            reason = self.run.damage(record.artifacts[name]) if isinstance(record, Succeeded) else ""
            message = (
                f"what step {step!r} made is {'damaged' if reason else 'gone'}; make it again with: "
                f"llmops run --resume {self.run.id}"
            )
            raise RecordError(message)
        return artifact

    def report_damage(self, address: str, name: str, again: str) -> bool:
        """Log that an artifact is damaged, and return whether it is.

        Args:
            address: `kind/key`.
            name: What messages call it.
            again: What is done about it (`asked again`).
        """
        reason = self.run.damage(address)
        if reason:
            self.log.warning("%s: %s; %s", name, reason, again)
            self.runtime.progress.log(f"{self.step}: {name} damaged: {again}")
        return bool(reason)

    @contextmanager
    def splits(self, dataset: str, prompt: str = "") -> Iterator[DatasetSplits]:
        """Yield the splits of a dataset, as files on this machine.

        Args:
            dataset: The dataset.
            prompt: The prompt that its records are rendered with: they then have what it retrieves for them.
        """
        retrieves = prompt and self.run.plan.prompt_by_name[prompt].retrieves
        artifact = self.artifact_of(f"prepare.{dataset}", retrieved_name(prompt) if retrieves else "data")
        with self.run.artifact_folder(artifact.address) as folder:
            yield splits_in(folder, artifact)

    def claim(self, address: str) -> AbstractContextManager[None]:
        """Keep other processes on this machine from making the same artifact; logs that it waits for one."""
        message = f"{self.step}: waiting for another run that makes the same"
        return self.run.store.claim(ArtifactLayout(address).prefix, waiting=lambda: self.runtime.progress.log(message))

    def build_artifact(
        self, address: str, build: Callable[[Path], Any], *, complete: Callable[[Artifact], bool] = lambda _: True
    ) -> BuiltArtifact:
        """Return a finished artifact, or build it; no other process on this machine builds it at the same time.

        Args:
            address: `kind/key`.
            build: Gets the folder to build it in, with what an interrupted attempt left there; returns the value.
            complete: Whether a finished artifact is complete; one that is not is built again.
        """
        artifact = self.run.artifact(address)
        if artifact is not None and complete(artifact) and self._is_reused(artifact) and self.take(address):
            return BuiltArtifact(artifact, cached=True)
        self.mark_started()
        with self.claim(address):
            artifact = self.run.artifact(address, reread=True)  # another process may have built it meanwhile
            if artifact is not None and complete(artifact) and self._is_reused(artifact) and self.take(address):
                return BuiltArtifact(artifact, cached=True)
            self.delete_withdrawn(address)
            if artifact is not None and not self._is_reused(artifact):
                self.run.delete_artifact(address)
            if artifact is None and self.report_damage(address, _NAMES[address.partition("/")[0]], "made again"):
                self.run.delete_artifact(address)
            layout = ArtifactLayout(address)
            with self.run.store.workspace(layout.prefix, self.runtime.home) as folder:
                value = build(folder)
                files = mark_folder(folder, without=layout.value.rpartition("/")[2])
            return BuiltArtifact(self.run.finish_artifact(address, value, files), cached=False)

    def _is_reused(self, artifact: Artifact) -> bool:
        """Return whether this run may use an artifact: of a step that is to be fresh, only what this run made."""
        return artifact.run == self.run.id or not self.run.plan.is_fresh(self.step)

    def take(self, address: str) -> bool:
        """Mark an artifact that another run made as used by this run, and return whether it is still there.

        From then on `llmops clean` leaves it alone.
        """
        artifact = self.run.artifact(address)
        if artifact is None or artifact.run == self.run.id:
            return artifact is not None
        self.run.mark_use([address])
        return self.run.artifact(address, reread=True) is not None

    def delete_withdrawn(self, address: str) -> None:
        """Delete what is left of an artifact that `llmops clean` was killed over. The step holds the artifact's lock."""
        if is_withdrawn(self.run.store, address):
            self.run.delete_artifact(address)

    @property
    def deletes_earlier(self) -> bool:
        """Whether this step is to be fresh, and what earlier runs made is not deleted yet."""
        return self.run.plan.is_fresh(self.step) and self.run.read(self._fresh_mark) is None

    def delete_earlier(self, addresses: Iterable[str]) -> None:
        """Delete artifacts and journals that earlier runs made, once a run: a resumed one keeps its own."""
        for address in addresses:
            self.run.delete_artifact(address)
        self.run.put(self._fresh_mark, b"")

    @property
    def _fresh_mark(self) -> str:
        return f"steps/{without_look(self.step)}.fresh"


@attrs.frozen
class BuiltArtifact:
    """An artifact, and whether an earlier attempt or run built it."""

    artifact: Artifact
    cached: bool


@attrs.frozen
class StepOutput:
    """What a kind of step leaves.

    Attributes:
        artifacts: Names to addresses.
        cached: Whether all of it was there before.
        pending: Answers and scores that failed for now.
        inputs: What decided it, by what messages call it, with its hash.
    """

    artifacts: Mapping[str, str]
    cached: bool
    pending: int = 0
    inputs: Mapping[str, str] = attrs.field(factory=dict)


def retrieved_name(prompt: str) -> str:
    """Return the name of the artifact with the records for a prompt that retrieves."""
    return f"data.{prompt}"


def splits_in(folder: Path, artifact: Artifact) -> DatasetSplits:
    """Return the splits of a data artifact, with the paths they have in `folder`."""
    splits: DatasetSplits = artifact.read(DatasetSplits)

    def in_folder(split: Split) -> Split:
        return attrs.evolve(split, path=folder / split.path)

    return attrs.evolve(splits, train=in_folder(splits.train), test=in_folder(splits.test))
