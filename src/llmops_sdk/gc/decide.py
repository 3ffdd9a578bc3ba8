"""Which resources are still needed, and which go."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Mapping
from datetime import datetime
from functools import partial

import attrs

from llmops_sdk.errors import LLMOpsError
from llmops_sdk.gc.delete import delete_entered
from llmops_sdk.gc.leftover import Choice, Leftover, Status, format_age
from llmops_sdk.plugin.interfaces import OrphanFinder
from llmops_sdk.record.runs import HEARTBEAT_SECONDS, LedgerEntry, Run
from llmops_sdk.steps.resources import how_to_remove
from llmops_sdk.steps.runtime import Runtime
from llmops_sdk.values.plan import TrainStep
from llmops_sdk.values.resources import TaggedResource
from llmops_sdk.values.step_records import Failed

ALIVE_SECONDS = 8 * HEARTBEAT_SECONDS
"""A step that was heard of so lately is being executed; the clocks of two machines may differ by a minute."""


@attrs.frozen
class Tagged:
    """What a sweeper found, and the sweeper."""

    known: TaggedResource
    orphan_finder: OrphanFinder


@attrs.frozen
class _Verdict:
    status: Status
    reason: str


@attrs.frozen
class Judge:
    """Says of each resource whether it goes, and why."""

    runs: Mapping[str, Run]
    runtime: Runtime
    choice: Choice
    now: float

    def entered(self, run: Run, entry: LedgerEntry, known: TaggedResource | None) -> Leftover:
        """Judge what a ledger tells of, and tags perhaps too."""
        made = known.created if known else entry.entered or _created(run)
        verdict = self._of_entry(run, entry, known, self.now - made)
        return Leftover(
            resource=entry.resource,
            run_id=run.id,
            step=entry.step,
            status=verdict.status,
            reason=verdict.reason,
            age=self.now - made,
            state=known.state if known else "",
            billed=known.billed if known else "",
            delete=partial(self._delete_entered, run, entry),
        )

    def tagged(self, item: Tagged) -> Leftover:
        """Judge what tags alone tell of."""
        known = item.known
        verdict = self._of_tags(known, self.now - known.created)
        return Leftover(
            resource=known.resource,
            run_id=known.run_id,
            step=known.step,
            status=verdict.status,
            reason=verdict.reason,
            age=self.now - known.created,
            state=known.state,
            billed=known.billed,
            delete=partial(self._delete_tagged, item),
        )

    def _delete_entered(self, run: Run, entry: LedgerEntry) -> None:
        self._refuse_at_work(run, entry.step)
        delete_entered(run, entry, self.runtime)

    def _delete_tagged(self, item: Tagged) -> None:
        known = item.known
        if known.run_id in self.runs:
            self._refuse_at_work(self.runs[known.run_id], known.step)
        item.orphan_finder.delete(known.resource)

    def _refuse_at_work(self, run: Run, step: str) -> None:
        """Refuse what somebody has begun to work with since it was judged: a resumed run gives the same names."""
        fresh = Run(run.store, run.id, run.plan, run.metadata)
        at_work = "" if self.choice.force else _at_work(fresh, step, time.time())
        if at_work:
            raise LLMOpsError(at_work)

    def _of_entry(self, run: Run, entry: LedgerEntry, known: TaggedResource | None, age: float) -> _Verdict:
        needed = self._needed(run, entry.step, known)
        if needed and not self.choice.force:
            return _Verdict("spare", needed)
        record = run.record(entry.step)
        if entry.kept and not isinstance(record, Failed):
            return self._of_kept(run)
        if self.choice.older_than is not None:
            return self._of_age(age, self.choice.older_than)
        if isinstance(run.plan.step_by_name.get(entry.step), TrainStep) and record is None and not self.choice.force:
            reason = f"the training goes on with: llmops run --resume {run.id}; --force or --older-than removes it"
            return _Verdict("spare", reason)
        if record is not None:
            return _Verdict("remove", "its step failed" if isinstance(record, Failed) else "its step is done")
        return _Verdict("remove", "removed by force" if needed else "nobody is at work on its step")

    def _of_kept(self, run: Run) -> _Verdict:
        if self.choice.force and self.choice.run_id and not self.choice.skip_kept:
            return _Verdict("remove", "removed by force")
        return _Verdict("spare", f"kept, and goes on costing; {how_to_remove(run.id)} removes it")

    def _of_tags(self, known: TaggedResource, age: float) -> _Verdict:
        needed = self._needed(self.runs.get(known.run_id), known.step, known)
        if needed and not self.choice.force:
            return _Verdict("spare", needed)
        if self.choice.older_than is not None:
            return self._of_age(age, self.choice.older_than)
        if known.expires is not None and known.expires < self.now:
            return _Verdict("remove", f"expired {format_age(self.now - known.expires)} ago")
        if self.choice.force and self.choice.run_id:
            return _Verdict("remove", "removed by force")
        when = "never expires" if known.expires is None else f"expires in {format_age(known.expires - self.now)}"
        return _Verdict("spare", f"{when}; --older-than removes it before")

    def _of_age(self, age: float, limit: float) -> _Verdict:
        if age < limit:
            return _Verdict("spare", f"younger than {format_age(limit)}")
        return _Verdict("remove", f"older than {format_age(limit)}")

    def _needed(self, run: Run | None, step: str, known: TaggedResource | None) -> str:
        """Say who is at work with a resource; empty for nobody."""
        at_work = _at_work(run, step, self.now) if run else ""
        return at_work or (known.in_use if known else "")


def _at_work(run: Run, step: str, now: float) -> str:
    started = run.started(step) if run.record(step) is None else None
    if started is None or now - started.beat > ALIVE_SECONDS:
        return ""
    if started.host == platform.node() and not _is_there(started.pid):
        return ""
    return f"step {step!r} is running on {started.host!r}, process {started.pid}"


def _is_there(pid: int) -> bool:
    with contextlib.suppress(PermissionError):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
    return True


def _created(run: Run) -> float:
    return datetime.fromisoformat(str(run.metadata["created"])).timestamp()
