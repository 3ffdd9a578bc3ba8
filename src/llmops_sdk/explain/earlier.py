"""Which earlier run a step is compared with, and why that one."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from llmops_sdk.errors import UserError
from llmops_sdk.record.run import Run
from llmops_sdk.record.runs import list_runs, run_exists
from llmops_sdk.values.plan import Step
from llmops_sdk.values.step_records import Failed, StepRecord, Succeeded

_MOST_RUNS = 50
"""The most runs that are looked at."""


@attrs.frozen
class RecordedStep:
    """A step that a run completed.

    Attributes:
        run: The run.
        step: The step.
        record: What it left.
    """

    run: Run
    step: Step
    record: Succeeded


@attrs.frozen
class Earlier:
    """What a step is compared with.

    Attributes:
        step: The same step of an earlier run that completed it; None if there is none.
        reason: Why it is that run, or why there is none.
    """

    step: RecordedStep | None
    reason: str


class EarlierRuns:
    """The earlier runs of a run's pipeline, the newest first, with what each is to the run; each is opened once.

    Args:
        run: The run.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self._found: list[tuple[Run, str]] = []
        self._others = _earlier_runs(run)

    def __iter__(self) -> Iterator[tuple[Run, str]]:
        yield from self._found
        for other in self._others:
            self._found.append(other)
            yield other


def find_earlier(runs: EarlierRuns, name: str) -> Earlier:
    """Return the step of an earlier run that a step is compared with: of the newest one that completed it.

    Args:
        runs: The earlier runs.
        name: The step.
    """
    run = runs.run
    passed: list[str] = []
    for earlier, relation in runs:
        step = earlier.plan.step_by_name.get(name)
        record = earlier.record(name) if step else None
        if step is not None and isinstance(record, Succeeded):
            reason = f"compared with run {earlier.id}, {relation}"
            if passed:
                reason = f"compared with run {earlier.id}, the newest one before that completed it: {'; '.join(passed)}"
            return Earlier(RecordedStep(earlier, step, record), reason)
        passed.append(f"run {earlier.id} {_why_passed(step, record)}")
    if passed:
        return Earlier(None, f"no earlier run of the pipeline completed it: {'; '.join(passed)}")
    if run.metadata.previous:
        return Earlier(None, f"run {run.metadata.previous}, the one before, is no longer in the store")
    return Earlier(None, f"there is no earlier run of pipeline {run.plan.name!r} in the store")


def _earlier_runs(run: Run) -> Iterator[tuple[Run, str]]:
    """Yield the earlier runs of the pipeline, the newest first, with what each is to the run."""
    metadata = run.metadata
    relation = (
        "whose answers it scores again" if metadata.based_on else f"the run of pipeline {run.plan.name!r} before it"
    )
    earlier = metadata.based_on or metadata.previous
    for _ in range(_MOST_RUNS):
        if not earlier or not run_exists(run.store, earlier):
            break
        try:
            opened = Run.open(run.store, earlier)
        except UserError:
            break
        yield opened, relation
        metadata, earlier = opened.metadata, opened.metadata.previous
        relation = "the one before that"
    else:
        return
    # The record of an earlier version does not name the run before; or that is gone.
    others = [one for one in list_runs(run.store) if one.name == run.metadata.name and one.order < metadata.order]
    for other in reversed(others[-_MOST_RUNS:]):
        try:
            yield Run.open(run.store, other.run), f"the newest run of pipeline {run.plan.name!r} before it in the store"
        except UserError:
            continue


def _why_passed(step: Step | None, record: StepRecord | None) -> str:
    if step is None:
        return "does not have it"
    if isinstance(record, Failed):
        return "failed at it" if record.cause == record.step else f"did not get to it: step {record.cause!r} failed"
    return "did not complete it"
