"""Deciding what is freed: the chosen runs that may be, and what then no run needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import attrs

from llmops_sdk.cleanup.choice import Candidate, Choice
from llmops_sdk.cleanup.contents import Contents, StoredArtifact, StoredPlan, StoredRun
from llmops_sdk.cleanup.keep import RunChecks
from llmops_sdk.cleanup.weight import Weight, freed_bytes, stored_bytes

DAY = 86_400.0
"""What no run has claimed yet may belong to one that is about to start, until it is older than this."""

_STEPS = {
    "data": "prepare",
    "model": "train",
    "generations": "generate",
    "probes": "generate",
    "load": "generate",
    "scores": "score",
    "samples": "score",
    "looks": "look",
    "results": "compare",
}
"""The kind of the steps that make an artifact, by its kind."""


@attrs.frozen
class KeptRun:
    """A chosen run that is not freed.

    Attributes:
        run: Its ID.
        reason: Why it is not freed.
        is_named: Whether the user named it.
    """

    run: str
    reason: str
    is_named: bool = False


@attrs.frozen(kw_only=True)
class Decision:
    """What is freed.

    Attributes:
        contents: What the store holds.
        runs: The runs that are freed, the oldest first, with the reason.
        kept: The chosen runs that are not.
        remnants: What is left of runs that are gone, and of steps that were run before a run existed.
        artifacts: The artifacts that no kept run needs.
        restored: Artifacts that a kept run needs, although an earlier `llmops clean` was stopped while it freed them.
        plans: The plans that no kept run has.
        notes: What keeps more from being freed.
    """

    contents: Contents
    runs: tuple[Candidate, ...] = ()
    kept: tuple[KeptRun, ...] = ()
    remnants: tuple[StoredRun, ...] = ()
    artifacts: tuple[StoredArtifact, ...] = ()
    restored: tuple[StoredArtifact, ...] = ()
    plans: tuple[StoredPlan, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def weights(self) -> Iterator[Weight]:
        """The files that are freed."""
        return chain(
            (candidate.run.weight for candidate in self.runs),
            (remnant.weight for remnant in self.remnants),
            (artifact.weight for artifact in self.artifacts),
            (plan.weight for plan in self.plans),
        )

    @property
    def size(self) -> int:
        """The bytes that are freed."""
        return freed_bytes(self.weights)

    @property
    def remaining(self) -> int:
        """The bytes that the store has afterwards."""
        return stored_bytes(self.contents.weights) - self.size


def decide(contents: Contents, choice: Choice, checks: RunChecks) -> Decision:
    """Return what is freed.

    Args:
        contents: What the store holds.
        choice: Which runs the user wants to be freed.
        checks: Looks whether a run may be freed.
    """
    runs = [run for run in contents.runs.values() if run.exists]
    free: list[Candidate] = []
    kept: list[KeptRun] = []
    for candidate in choice.candidates(runs, checks.now):
        reason = checks.why_kept(candidate.run, is_named=candidate.is_named)
        if reason:
            kept.append(KeptRun(candidate.run.id, reason, candidate.is_named))
        else:
            free.append(candidate)

    def freeing(number: int) -> Decision:
        return decide_rest(contents, free[:number], kept, checks.now)

    if choice.max_size is None:
        return freeing(len(free))
    fewest, most = 0, len(free)
    while fewest < most:
        middle = (fewest + most) // 2
        fewest, most = (fewest, middle) if freeing(middle).remaining <= choice.max_size else (middle + 1, most)
    return freeing(fewest)


def decide_rest(contents: Contents, free: Sequence[Candidate], kept: Sequence[KeptRun], now: float) -> Decision:
    """Return what is freed together with runs: what no other run needs.

    Args:
        contents: What the store holds.
        free: The runs.
        kept: Chosen runs that are not freed.
        now: In seconds since the epoch.
    """
    free, needed = _without_needed(contents, free)
    freed = {candidate.run.id for candidate in free}
    remnants = [run for run in contents.runs.values() if not run.exists and _is_abandoned(run, now)]
    gone = freed | {run.id for run in remnants}
    others = [run for run in contents.runs.values() if run.id not in gone]
    notes = [
        f"artifacts and plans are not freed while run {run.id!r} cannot be read ({run.problem}): what it needs is not "
        f"known; see: llmops verify {run.id}, or free it with: llmops clean {run.id}"
        for run in others
        if run.problem
    ]
    plans = () if notes else tuple(_unneeded_plans(contents, others, now))
    artifacts = () if notes else tuple(_unneeded_artifacts(contents, others, plans))
    unneeded = {artifact.address for artifact in artifacts}
    withdrawn = (artifact for artifact in contents.artifacts.values() if artifact.is_withdrawn)
    return Decision(
        contents=contents,
        runs=tuple(free),
        kept=(*kept, *needed),
        remnants=tuple(remnants),
        artifacts=artifacts,
        restored=tuple(artifact for artifact in withdrawn if artifact.address not in unneeded),
        plans=plans,
        notes=tuple(notes),
    )


def _without_needed(contents: Contents, free: Sequence[Candidate]) -> tuple[list[Candidate], list[KeptRun]]:
    """Leave out the runs from which a kept run that was stopped would take finished work, once it is resumed."""
    free, kept = list(free), list[KeptRun]()
    while True:
        freed = {candidate.run.id for candidate in free}
        needed_by = {
            earlier: run.id
            for run in contents.runs.values()
            if run.id not in freed and run.metadata is not None and run.missing
            for earlier in (run.metadata.previous, run.metadata.based_on)
        }
        needed = [candidate for candidate in free if candidate.run.id in needed_by]
        if not needed:
            return free, kept
        for candidate in needed:
            other = needed_by[candidate.run.id]
            reason = f"run {other!r} is not finished, and reuses its work; finish that first with: llmops run --resume {other}"
            kept.append(KeptRun(candidate.run.id, reason, candidate.is_named))
        free = [candidate for candidate in free if candidate.run.id not in needed_by]


def _is_abandoned(remnant: StoredRun, now: float) -> bool:
    """Return whether what looks like a run without `run.json` is left of one that is gone."""
    return remnant.is_freed or _is_old(remnant.weight, now)


def _is_old(weight: Weight, now: float) -> bool:
    return weight.modified is not None and now - weight.modified > DAY


def _unneeded_plans(contents: Contents, others: Iterable[StoredRun], now: float) -> Iterator[StoredPlan]:
    used = {run.metadata.plan for run in others if run.metadata is not None}
    for plan in contents.plans.values():
        if plan.hash not in used and (not plan.has_prepared or _is_old(plan.weight, now)):
            yield plan


def _unneeded_artifacts(
    contents: Contents, others: Sequence[StoredRun], plans: Iterable[StoredPlan]
) -> Iterator[StoredArtifact]:
    freed_plans = {plan.hash for plan in plans}
    prepared = (plan.addresses for plan in contents.plans.values() if plan.hash not in freed_plans)
    used = frozenset().union(*(run.addresses for run in others), *prepared)
    makers = {run.id for run in others}
    unfinished = frozenset().union(*(run.unfinished for run in others))
    if any(not run.exists for run in others):  # steps that are run before their run exists
        unfinished |= {"prepare"}
    for artifact in contents.artifacts.values():
        if artifact.is_finished:
            is_needed = artifact.address in used or artifact.maker in makers
        else:  # a resumed run may continue it
            is_needed = bool(unfinished) if artifact.kind not in _STEPS else _STEPS[artifact.kind] in unfinished
        if not is_needed:
            yield artifact
