"""Freeing what was decided: safe against runs that start meanwhile, and against being killed at any moment.

Runs are freed first: one is gone once its `run.json` is. Then no record needs the artifacts. Each is withdrawn before its
files are deleted; if a run has marked it as used by then, it is put back. Whoever is killed in between leaves nothing
that looks complete and is not, and the next `llmops clean` finishes the work.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack

import attrs

from llmops_sdk.cleanup.contents import Contents, StoredArtifact, StoredPlan, StoredRun, read_addresses, read_prepared
from llmops_sdk.cleanup.decide import Decision, KeptRun, decide_rest
from llmops_sdk.cleanup.keep import RunChecks
from llmops_sdk.cleanup.weight import Weight, freed_bytes
from llmops_sdk.progress import Progress, Task
from llmops_sdk.record.artifacts import is_withdrawn, restore_artifact, withdraw_artifact
from llmops_sdk.record.layout import PLANS, RUNS, ArtifactLayout, RunLayout, owner_of
from llmops_sdk.record.runs import list_runs
from llmops_sdk.record.stores import Store

_CLEAN = "clean"
"""The name of the lock that keeps two of them on one machine apart."""

_LOCKED = 100
"""Artifacts whose locks are held at the same time."""


@attrs.frozen(kw_only=True)
class Freed:
    """What was freed.

    Attributes:
        decision: What was decided, as far as it was done.
        size: The bytes that are free now.
    """

    decision: Decision
    size: int


def free(store: Store, decision: Decision, checks: RunChecks) -> Freed:
    """Free what was decided, as far as no run has come to need it.

    Args:
        store: The store.
        decision: What is freed.
        checks: Looks whether a run may be freed.
    """
    progress = checks.runtime.progress
    with store.claim(_CLEAN, waiting=lambda: progress.log("waiting for another `llmops clean`")):
        freed = _Freeing(store, decision, checks, progress).free()
        store.remove_drafts()
    return freed


class _Freeing:
    """One pass over what was decided."""

    def __init__(self, store: Store, decision: Decision, checks: RunChecks, progress: Progress) -> None:
        self._store = store
        self._decision = decision
        self._checks = checks
        self._progress = progress
        self._weights: list[Weight] = []

    def free(self) -> Freed:
        decision = self._decision
        total = len(decision.runs) + len(decision.artifacts) + len(decision.plans) + len(decision.remnants)
        with self._progress.task("freeing", total, "items") as task:
            decision = self._free_runs(decision, task)
            remnants = [run for run in decision.remnants if self._free_remnant(run, task)]
            plans = self._free_plans(decision.plans, task)
            for artifact in decision.restored:
                restore_artifact(self._store, artifact.address)
            artifacts = self._free_artifacts(decision, task)
        done = attrs.evolve(decision, remnants=tuple(remnants), plans=tuple(plans), artifacts=tuple(artifacts))
        return Freed(decision=done, size=freed_bytes(self._weights))

    def _free_runs(self, decision: Decision, task: Task) -> Decision:
        """Free the runs; if one turns out to be needed, decide again what no run needs."""
        free, kept = [], list(decision.kept)
        for candidate in decision.runs:
            reason = self._free_run(candidate.run)
            if reason:
                kept.append(KeptRun(candidate.run.id, reason, candidate.is_named))
            else:
                free.append(candidate)
            task.advance()
        if len(free) == len(decision.runs):
            return decision
        decided = decide_rest(decision.contents, free, kept, self._checks.now)
        return attrs.evolve(decided, runs=tuple(free))

    def _free_run(self, run: StoredRun) -> str:
        """Free a run, or return why it is needed after all."""
        layout = RunLayout(run.id)
        self._store.put_durable(layout.freed, b"")
        current = attrs.evolve(run, weight=self._weigh(layout))
        checks = attrs.evolve(self._checks, now=time.time())
        reason = checks.why_running(current) or checks.why_billed(current)
        is_grown = bool(set(current.weight.keys) - set(run.weight.keys))
        if not reason and (is_grown or (current.weight.modified or 0.0) > (run.weight.modified or 0.0)):
            reason = "it was worked on meanwhile"
        if reason:
            self._store.delete_keys([layout.freed])
            return reason
        self._store.delete_keys([layout.metadata])
        self._delete_run(layout, current.weight)
        self._weights.append(run.weight)
        return ""

    def _free_remnant(self, run: StoredRun, task: Task) -> bool:
        """Free what is left of a run, and return whether it is not one by now."""
        task.advance()
        layout = RunLayout(run.id)
        current = self._weigh(layout)
        if layout.metadata in current.keys:
            return False
        self._delete_run(layout, current)
        self._weights.append(run.weight)
        return True

    def _delete_run(self, layout: RunLayout, weight: Weight) -> None:
        """Delete the files of a run, the mark that it is being freed last."""
        self._store.delete_keys(weight.keys)
        self._store.delete(f"{layout.prefix}/")

    def _free_plans(self, plans: Sequence[StoredPlan], task: Task) -> list[StoredPlan]:
        """Free the plans of which there is no run; write one again if a run of it has just been created."""
        used = self._used_plans()
        free = [plan for plan in plans if plan.hash not in used]
        records = {key: self._store.get(key) for plan in free for key in plan.records}
        self._store.delete_keys(records)
        task.advance(len(plans))
        used = self._used_plans()
        for plan in free:
            if plan.hash in used:
                for key in plan.records:
                    self._store.put_durable(key, records[key] or b"")
        freed = [plan for plan in free if plan.hash not in used]
        self._store.delete_keys(key for plan in freed for key in plan.weight.keys if key not in records)
        self._weights.extend(plan.weight for plan in freed)
        return freed

    def _used_plans(self) -> set[str]:
        return {run.plan for run in list_runs(self._store)}

    def _free_artifacts(self, decision: Decision, task: Task) -> list[StoredArtifact]:
        """Withdraw the artifacts, look which of them a run has come to use, and delete the others."""
        withdrawn = [artifact for artifact in decision.artifacts if artifact.is_finished]
        unfinished = [artifact for artifact in decision.artifacts if not artifact.is_finished]
        withdrawn = [one for batch in self._claimed(withdrawn) for one in batch if self._withdraw(one)]
        uses = self._uses_since(decision.contents) if decision.artifacts else _Uses(frozenset())
        freed = [one for batch in self._claimed(withdrawn) for one in self._delete(batch, uses)]
        if not uses.has_new_runs:
            freed += [one for batch in self._claimed(unfinished) for one in self._delete(batch, uses)]
        task.advance(len(decision.artifacts))
        self._weights.extend(artifact.weight for artifact in freed)
        return freed

    def _withdraw(self, artifact: StoredArtifact) -> bool:
        return withdraw_artifact(self._store, artifact.address, artifact.maker)

    def _delete(self, batch: Iterable[StoredArtifact], uses: _Uses) -> list[StoredArtifact]:
        """Delete artifacts whose locks are held, all keys that withdraw or finish one last; restore those that are used."""
        freed: list[StoredArtifact] = []
        keys: list[str] = []
        for artifact in batch:
            is_withdrawn_now = artifact.is_finished and is_withdrawn(self._store, artifact.address)
            value = ArtifactLayout(artifact.address).value
            if artifact.address in uses.addresses:
                restore_artifact(self._store, artifact.address)
            elif is_withdrawn_now or (not artifact.is_finished and self._store.get(value) is None):
                freed.append(artifact)
                keys.extend(key for key in artifact.weight.keys if key != value)
        self._store.delete_keys(keys)
        self._store.delete_keys(ArtifactLayout(artifact.address).value for artifact in freed if artifact.is_finished)
        for artifact in freed:
            self._store.remove_lock(ArtifactLayout(artifact.address).prefix)
        return freed

    def _claimed(self, artifacts: Sequence[StoredArtifact]) -> Iterator[list[StoredArtifact]]:
        """Yield the artifacts in batches whose locks are held; one that a step holds is left out: it is being made again."""
        for start in range(0, len(artifacts), _LOCKED):
            with ExitStack() as stack:
                yield [one for one in artifacts[start : start + _LOCKED] if self._claim(one, stack)]

    def _claim(self, artifact: StoredArtifact, stack: ExitStack) -> bool:
        try:
            stack.enter_context(self._store.claim(ArtifactLayout(artifact.address).prefix, waiting=_refuse))
        except _HeldError:
            return False
        return True

    def _uses_since(self, contents: Contents) -> _Uses:
        """Return the artifacts that the records of runs name that were written since the store was read."""
        keys: list[str] = []
        has_new_runs = False
        for run_id, weight in self._weights_of(RUNS).items():
            known = contents.runs.get(run_id)
            has_new_runs = has_new_runs or known is None
            is_done = known is not None and known.exists and not known.unfinished
            earlier = set(known.weight.keys) if known is not None and is_done else set()
            keys += [key for key in weight.keys if key not in earlier]
        prepared = [key for weight in self._weights_of(PLANS).values() for key in weight.keys]
        return _Uses(read_addresses(self._store, keys) | read_prepared(self._store, prepared), has_new_runs)

    def _weights_of(self, prefix: str) -> dict[str, Weight]:
        weights: dict[str, Weight] = {}
        for file in self._store.files(prefix):
            weights.setdefault(owner_of(prefix, file.key), Weight()).add(file)
        return weights

    def _weigh(self, layout: RunLayout) -> Weight:
        """Return the files that a run has now, without the mark that it is being freed."""
        weight = Weight()
        for file in self._store.files(f"{layout.prefix}/"):
            if file.key != layout.freed:
                weight.add(file)
        return weight


@attrs.frozen
class _Uses:
    """What runs have come to use since the store was read.

    Attributes:
        addresses: The artifacts.
        has_new_runs: Whether there is a run that there was not.
    """

    addresses: frozenset[str]
    has_new_runs: bool = False


class _HeldError(Exception):
    """Another process holds a lock."""


def _refuse() -> None:
    raise _HeldError
