"""`Explanation`: why a step ran or was reused, in sentences."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Literal

import attrs

from llmops_sdk.errors import SpecError, UserError, did_you_mean
from llmops_sdk.explain.changes import compare_plans, find_changes
from llmops_sdk.explain.earlier import Earlier, EarlierRuns, RecordedStep, find_earlier
from llmops_sdk.record.artifacts import read_maker
from llmops_sdk.record.run import Run
from llmops_sdk.record.runs import read_metadata
from llmops_sdk.steps.heartbeat import where_running
from llmops_sdk.values.plan import GenerateStep, ScoreStep, Step
from llmops_sdk.values.step_records import Failed, Succeeded

State = Literal["ran", "reused", "taken", "failed", "running", "stopped", "waiting"]
"""What became of a step; `taken` means that another run's record of it was copied, `stopped` that its process is gone."""

_MOST_NAMED = 3
_MOST_LINES = 3
_DAMAGED = " is damaged: "


@attrs.frozen(kw_only=True)
class Explanation:
    """Why a step ran or was reused.

    Attributes:
        step: The step.
        state: What became of it: it `ran`, was `reused`, `taken` from the record of another run, or `failed`; it is
            `running`, or was `stopped`, or is `waiting`.
        reason: Why, in one sentence.
        changes: The inputs that changed since the earlier run, each with what it was and what it is, in short.
        details: Further sentences: which earlier run it is compared with and why that one, and what can be done.
        compared_with: The earlier run, or empty.
    """

    step: str
    state: State
    reason: str
    changes: Mapping[str, str] = attrs.field(factory=dict)
    details: tuple[str, ...] = ()
    compared_with: str = ""

    def __str__(self) -> str:
        changes = [f"  {name}: {change}" for name, change in self.changes.items()]
        return "\n".join([f"{self.step} {_WORDS[self.state]}: {self.reason}", *changes, *self.details])


_WORDS: Mapping[State, str] = {
    "ran": "ran",
    "reused": "was reused",
    "taken": "was taken over",
    "failed": "failed",
    "running": "is running",
    "stopped": "was stopped",
    "waiting": "did not run yet",
}


def explain_step(run: Run, name: str) -> Explanation:
    """Return why a step of a run ran or was reused.

    Raises:
        SpecError: The run has no such step.
    """
    steps = run.plan.step_by_name
    if name not in steps:
        message = f"run {run.id!r} has no step {name!r}{did_you_mean(name, steps)}"
        raise SpecError(message)
    return _explain(EarlierRuns(run), steps[name])


def explain_run(run: Run) -> tuple[Explanation, ...]:
    """Return why each step of a run ran or was reused, in the order of the plan."""
    earlier = EarlierRuns(run)
    return tuple(_explain(earlier, step) for step in run.plan.steps)


def _explain(runs: EarlierRuns, step: Step) -> Explanation:
    record = runs.run.record(step.name)
    if isinstance(record, Failed):
        return _explain_failed(runs, record)
    if isinstance(record, Succeeded):
        return _explain_succeeded(runs, RecordedStep(runs.run, step, record))
    return _explain_unrecorded(runs.run, step)


def _explain_succeeded(runs: EarlierRuns, done: RecordedStep) -> Explanation:
    run, record = done.run, done.record
    if record.at < run.metadata.created_at.timestamp():
        return _explain_taken(done) if run.metadata.based_on else _explain_prepared(runs, done)
    if record.cached:
        return _explain_reused(done)
    if run.plan.is_fresh(record.step) or run.plan.measures_again(record.step):
        return Explanation(step=record.step, state="ran", reason="--fresh asked for it, whatever earlier runs had made")
    earlier = find_earlier(runs, record.step)
    if earlier.step is None and record.reason:  # what was known when it ran
        return Explanation(step=record.step, state="ran", reason=record.reason, details=(earlier.reason,))
    if earlier.step is None:
        return Explanation(step=record.step, state="ran", reason=earlier.reason)
    return _explain_again(done, earlier, earlier.step)


def _explain_prepared(runs: EarlierRuns, done: RecordedStep) -> Explanation:
    """Explain a step that was run for the plan, before its run was created."""
    earlier = find_earlier(runs, done.record.step)
    before = earlier.step if earlier.step and earlier.step.record.inputs else None
    changes = find_changes(before, done) if before else {}
    details = [earlier.reason]
    if before and changes:
        details = [f"{_listed(changes)} changed since run {before.run.id}", *details]
    elif before:
        details = [f"nothing changed of: {_listed(done.record.inputs)}", *details]
    return Explanation(
        step=done.record.step,
        state="taken",
        reason="it was prepared before the run was created, for all runs of its plan",
        changes=changes,
        details=tuple(details),
        compared_with=before.run.id if before else "",
    )


def _explain_taken(done: RecordedStep) -> Explanation:
    """Explain a step whose record is that of the run that is scored again."""
    run, record = done.run, done.record
    base = run.metadata.based_on
    reason = f"this run scores the answers of run {base} again, and has its record of this step"
    details = []
    try:
        before = explain_step(Run.open(run.store, base), record.step)
        details = [f"there, it {_WORDS[before.state]}: {before.reason}"]
    except UserError:
        details = [f"run {base} is no longer in the store"]
    return Explanation(step=record.step, state="taken", reason=reason, details=tuple(details), compared_with=base)


def _explain_reused(done: RecordedStep) -> Explanation:
    run, record = done.run, done.record
    makers = {address: read_maker(run.store, address) for address in record.artifacts.values()}
    others = list(dict.fromkeys(maker for maker in makers.values() if maker not in ("", run.id)))
    if others:
        reason = f"all of its inputs are as they were in {_runs(run, others)}"
    elif isinstance(done.step, (GenerateStep, ScoreStep)) and done.step.look > 1 and run.id in makers.values():
        reason = "its candidates stopped at an earlier look, or all was there since then"
    elif run.id in makers.values():
        reason = "an earlier attempt of this run had made its results before it was stopped"
    else:
        reason = record.reason or "its results were there; they are no longer in the store, which knew who made them"
    details = [f"nothing changed of: {_listed(record.inputs)}"] if record.inputs else []
    if not record.inputs and _expects_inputs(done):
        details = [_without_inputs(run)]
    return Explanation(
        step=record.step,
        state="reused",
        reason=reason,
        details=tuple(details),
        compared_with=others[0] if others else "",
    )


def _explain_again(done: RecordedStep, earlier: Earlier, before: RecordedStep) -> Explanation:
    """Explain a step that an earlier run had completed too."""
    record, earlier_id = done.record, before.run.id
    has_inputs = bool(record.inputs and before.record.inputs)
    changes = find_changes(before, done) if has_inputs else compare_plans(before, done)
    details = [earlier.reason]
    if changes:
        reason = f"{_listed(changes)} changed since run {earlier_id}"
    elif before.record.pending:
        reason = f"run {earlier_id} had left {before.record.pending} records pending, which failed for the time being"
    elif not has_inputs and _expects_inputs(done):
        reason = "what changed is not known"
        details += [_without_inputs(one.run) for one in (before, done) if not one.record.inputs]
    else:
        reason = f"what run {earlier_id} had made was damaged or gone, or was made in another way by an earlier version"
        details += _damage(done)
    return Explanation(
        step=record.step,
        state="ran",
        reason=reason,
        changes=changes,
        details=tuple(details),
        compared_with=earlier_id,
    )


def _explain_failed(runs: EarlierRuns, record: Failed) -> Explanation:
    run = runs.run
    if record.cause != record.step:
        first = run.record(record.cause)
        error = first.error if isinstance(first, Failed) else record.error
        reason = f"it could not run, because step {record.cause!r} failed earlier: {error}"
    else:
        reason = record.error
    earlier = find_earlier(runs, record.step)
    before = earlier.step
    details = [f"run {before.run.id} had completed it"] if before else []
    if before is None and "failed at it" in earlier.reason:
        details = [earlier.reason]
    details.append(f"it is tried again by: llmops run --resume {run.id}")
    compared_with = before.run.id if before else ""
    return Explanation(
        step=record.step, state="failed", reason=reason, details=tuple(details), compared_with=compared_with
    )


def _explain_unrecorded(run: Run, step: Step) -> Explanation:
    """Explain a step that is running, waiting, or was stopped."""
    started = run.started(step.name)
    if started is not None:
        where = where_running(run.store, run.id, step.name, time.time())
        since = f"since {_time(started.started_at)}"
        if where:
            return Explanation(step=step.name, state="running", reason=f"on {where}, {since}")
        reason = f"its process, {started.pid} on {started.host!r}, ended without a result; it was last alive at {_time(started.heartbeat)}"
        details = (f"it is resumed, and keeps what is done, by: llmops run --resume {run.id}",)
        return Explanation(step=step.name, state="stopped", reason=reason, details=details)
    waits = [need for need in step.needs if run.record(need) is None]
    if waits:
        return Explanation(step=step.name, state="waiting", reason=f"it needs {_listed(map(repr, waits))}")
    running = where_running(run.store, run.id, "", time.time())
    reason = f"the run on {running} has yet to reach it" if running else "the run was stopped before"
    resume = "" if running else f"resume it with: llmops run --resume {run.id}"
    return Explanation(step=step.name, state="waiting", reason=reason, details=(resume,) if resume else ())


def _damage(done: RecordedStep) -> list[str]:
    """Return what the log of a step says of damaged artifacts."""
    log = (done.run.read_log(done.record.step) or b"").decode("utf-8", errors="replace")
    lines = [line.partition(" WARNING ")[2] for line in log.splitlines() if _DAMAGED in line and " WARNING " in line]
    return list(dict.fromkeys(lines))[:_MOST_LINES]


def _expects_inputs(done: RecordedStep) -> bool:
    """Return whether a step of this kind records its inputs, as of this version."""
    return not done.record.step.startswith(("compare", "look."))


def _without_inputs(run: Run) -> str:
    return f"run {run.id} was recorded by llmops-sdk {run.metadata.version}, which did not record what decided a step"


def _runs(run: Run, ids: Iterable[str]) -> str:
    """Return runs with the time of their creation, where they are still in the store."""
    texts = []
    for run_id in ids:
        try:
            texts.append(f"run {run_id} of {read_metadata(run.store, run_id).created_at:%Y-%m-%d %H:%M} UTC")
        except UserError:
            texts.append(f"run {run_id} (no longer in the store)")
    return _listed(texts)


def _listed(texts: Iterable[str]) -> str:
    """Return the first of several texts, and the number of the others."""
    items = list(texts)
    more = len(items) - _MOST_NAMED
    shown = items[:_MOST_NAMED] + ([f"{more} more"] if more > 0 else [])
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
