"""Deciding which resources are still needed, and which are deleted."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial

import attrs

from llmops_sdk.errors import LLMOpsError
from llmops_sdk.gc.delete import delete_ledger_entry
from llmops_sdk.gc.leftover import Choice, Leftover, Status
from llmops_sdk.plugin.interfaces import OrphanFinder
from llmops_sdk.record.ledger import LedgerEntry
from llmops_sdk.record.run import Run
from llmops_sdk.steps.heartbeat import where_running
from llmops_sdk.steps.resources import how_to_remove
from llmops_sdk.steps.runtime import Runtime
from llmops_sdk.values.plan import TrainStep
from llmops_sdk.values.quantities import format_age
from llmops_sdk.values.resources import TaggedResource
from llmops_sdk.values.step_records import Failed

_FORCED = "deleted by --force"


@attrs.frozen
class Orphan:
    """A tagged resource, and the finder that found it and can delete it."""

    tagged: TaggedResource
    finder: OrphanFinder


@attrs.frozen
class _Decision:
    status: Status
    reason: str


@attrs.frozen
class DeletionPolicy:
    """Decides for each resource whether it is deleted, and why.

    Attributes:
        runs: The runs of the store, by ID.
        runtime: The process's registry, cache and progress.
        choice: What the user asked for.
        now: The time of all decisions, in seconds since the epoch.
    """

    runs: Mapping[str, Run]
    runtime: Runtime
    choice: Choice
    now: float

    def decide_entry(self, run: Run, entry: LedgerEntry, tagged: TaggedResource | None) -> Leftover:
        """Decide about a resource in a ledger.

        Args:
            run: The run of the ledger.
            entry: The entry.
            tagged: The same resource, if it was found by its tags too.
        """
        created = tagged.created if tagged else entry.entered or run.metadata.created_at.timestamp()
        decision = self._entry_decision(run, entry, tagged, self.now - created)
        return Leftover(
            resource=entry.resource,
            run_id=run.id,
            step=entry.step,
            status=decision.status,
            reason=decision.reason,
            age=self.now - created,
            state=tagged.state if tagged else "",
            billed=tagged.billed if tagged else "",
            delete=partial(self._delete_entry, run, entry),
        )

    def decide_orphan(self, orphan: Orphan) -> Leftover:
        """Decide about a resource that was found by its tags alone."""
        tagged = orphan.tagged
        decision = self._orphan_decision(tagged, self.now - tagged.created)
        return Leftover(
            resource=tagged.resource,
            run_id=tagged.run_id,
            step=tagged.step,
            status=decision.status,
            reason=decision.reason,
            age=self.now - tagged.created,
            state=tagged.state,
            billed=tagged.billed,
            delete=partial(self._delete_orphan, orphan),
        )

    def _delete_entry(self, run: Run, entry: LedgerEntry) -> None:
        self._check_not_running(run, entry.step)
        delete_ledger_entry(run, entry, self.runtime)

    def _delete_orphan(self, orphan: Orphan) -> None:
        tagged = orphan.tagged
        if tagged.run_id in self.runs:
            self._check_not_running(self.runs[tagged.run_id], tagged.step)
        orphan.finder.delete(tagged.resource)

    def _check_not_running(self, run: Run, step: str) -> None:
        """Refuse a resource of a step that has started since the decision: a resumed run uses the same names."""
        fresh = run.with_plan(run.plan)
        running = "" if self.choice.force else _running(fresh, step, time.time())
        if running:
            raise LLMOpsError(running)

    def _entry_decision(self, run: Run, entry: LedgerEntry, tagged: TaggedResource | None, age: float) -> _Decision:
        in_use = self._in_use(run, entry.step, tagged)
        if in_use and not self.choice.force:
            return _Decision("skip", in_use)
        record = run.record(entry.step)
        kept = self._kept(run, entry)
        if kept and not isinstance(record, Failed):
            return self._kept_decision(run, kept)
        if self.choice.older_than is not None:
            return self._age_decision(age, self.choice.older_than)
        if isinstance(run.plan.step_by_name.get(entry.step), TrainStep) and record is None and not self.choice.force:
            reason = f"a resumed run continues this training (llmops run --resume {run.id}); delete it with --force or --older-than"
            return _Decision("skip", reason)
        if record is not None:
            return _Decision("delete", "its step failed" if isinstance(record, Failed) else "its step has finished")
        return _Decision("delete", _FORCED if in_use else "no process is running its step")

    def _kept(self, run: Run, entry: LedgerEntry) -> str:
        """Return why a resource is taken for one that the user wished to keep, or an empty text."""
        if entry.kept:
            return "kept (still billed)"
        deployers = {
            model.deployer.key: model.deployer for model in run.plan.model_by_name.values() if entry.is_damaged
        }.values()
        keeps = any(self.runtime.registry.make("deployer", each.use, each.options).keeps for each in deployers)
        return "its entry in the ledger is damaged, and it may be kept (still billed)" if keeps else ""

    def _kept_decision(self, run: Run, reason: str) -> _Decision:
        if self.choice.force and self.choice.run_id and not self.choice.skip_kept:
            return _Decision("delete", _FORCED)
        return _Decision("skip", f"{reason}; delete it with: {how_to_remove(run.id)}")

    def _orphan_decision(self, tagged: TaggedResource, age: float) -> _Decision:
        in_use = self._in_use(self.runs.get(tagged.run_id), tagged.step, tagged)
        if in_use and not self.choice.force:
            return _Decision("skip", in_use)
        if self.choice.older_than is not None:
            return self._age_decision(age, self.choice.older_than)
        if tagged.expires is not None and tagged.expires < self.now:
            return _Decision("delete", f"expired {format_age(self.now - tagged.expires)} ago")
        if self.choice.force and self.choice.run_id:
            return _Decision("delete", _FORCED)
        expiry = "never expires" if tagged.expires is None else f"expires in {format_age(tagged.expires - self.now)}"
        return _Decision("skip", f"{expiry}; delete it earlier with --older-than")

    def _age_decision(self, age: float, limit: float) -> _Decision:
        if age < limit:
            return _Decision("skip", f"younger than {format_age(limit)}")
        return _Decision("delete", f"older than {format_age(limit)}")

    def _in_use(self, run: Run | None, step: str, tagged: TaggedResource | None) -> str:
        """Return what is using a resource, or an empty text."""
        running = _running(run, step, self.now) if run else ""
        return running or (tagged.in_use if tagged else "")


def _running(run: Run, step: str, now: float) -> str:
    """Return where a step is running, or an empty text; of a resource whose step is not known, any step of the run."""
    if not step:
        return next((text for each in run.plan.steps if (text := _running(run, each.name, now))), "")
    where = where_running(run.store, run.id, step, now) if run.record(step) is None else ""
    return f"step {step!r} is running on {where}" if where else ""
