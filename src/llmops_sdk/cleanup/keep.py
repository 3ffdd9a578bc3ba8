"""Why a run must not be freed: it is running, or what it created may still exist and be billed."""

from __future__ import annotations

import attrs

from llmops_sdk.cleanup.contents import StoredRun
from llmops_sdk.errors import LLMOpsError, PluginError, UserError
from llmops_sdk.record.layout import RunLayout
from llmops_sdk.record.ledger import LedgerEntry, read_ledger
from llmops_sdk.record.stores import Store
from llmops_sdk.steps.executor import Executor
from llmops_sdk.steps.heartbeat import where_running
from llmops_sdk.steps.resources import how_to_remove
from llmops_sdk.steps.runtime import Runtime

_JUST_CREATED = 10.0
"""A run without any step that is younger than this, in seconds, is about to start."""

_MOST_NAMED = 3


@attrs.frozen
class RunChecks:
    """Looks whether a run may be freed.

    Attributes:
        store: The store.
        runtime: The process's registry, cache and progress.
        now: In seconds since the epoch.
    """

    store: Store
    runtime: Runtime
    now: float

    def why_kept(self, run: StoredRun, *, is_named: bool = False) -> str:
        """Return why a run must not be freed, or an empty text.

        Args:
            run: The run.
            is_named: Whether the user named it: then it is freed although it cannot be read.
        """
        if run.problem and not is_named:
            return f"it cannot be read ({run.problem}); to free it all the same: llmops clean {run.id}"
        return self.why_running(run) or self._remote(run) or self.why_billed(run)

    def why_running(self, run: StoredRun) -> str:
        """Return where a process works on a run, as its record shows it now, or an empty text."""
        if where := where_running(self.store, run.id, "", self.now):
            return f"it is running on {where}"
        layout = RunLayout(run.id)
        recorded = {step for key in run.weight.keys if (step := layout.step_of(key))}
        started = [step for key in run.weight.keys if (step := layout.started_of(key)) and step not in recorded]
        for step in started:
            if where := where_running(self.store, run.id, step, self.now):
                return f"its step {step!r} is running on {where}"
        if run.metadata is not None and len(run.missing) and not recorded and not started:
            age = self.now - run.metadata.created_at.timestamp()
            return "it is about to start" if age < _JUST_CREATED else ""
        return ""

    def why_billed(self, run: StoredRun) -> str:
        """Return which resources of a run may still exist and be billed, or an empty text."""
        try:
            entries = [entry for entry in read_ledger(self.store, RunLayout(run.id)) if entry.deleted is None]
        except (UserError, OSError) as exc:
            return f"its ledger cannot be read: {exc}"
        if not entries:
            return ""
        names = ", ".join(_name(entry) for entry in entries[:_MOST_NAMED]) + ("…" if len(entries) > _MOST_NAMED else "")
        command = how_to_remove(run.id) if any(entry.kept for entry in entries) else f"llmops gc --run {run.id}"
        return f"resources that it created may still exist and be billed ({names}); delete them first with: {command}"

    def _remote(self, run: StoredRun) -> str:
        """Return whether a service still works on a run that is not complete."""
        if run.run is None or not run.missing:
            return ""
        component, registry = run.run.plan.executor, self.runtime.registry
        try:
            executor: Executor = registry.make("executor", component.use, component.options)
            if executor.is_running(run.run, self.runtime):
                return f"it is running on executor {component.use!r}"
        except PluginError as exc:
            return f"whether it is running cannot be found out: {exc}"
        except LLMOpsError as exc:
            return f"whether it is running on executor {component.use!r} cannot be found out: {exc}"
        return ""


def _name(entry: LedgerEntry) -> str:
    return f"{entry.resource.kind} {entry.resource.name}"
