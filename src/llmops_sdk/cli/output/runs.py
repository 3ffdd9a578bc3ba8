"""The list of runs, as `llmops runs` prints it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from llmops_sdk.cli.output.tables import count, new_table, open_console
from llmops_sdk.errors import UserError
from llmops_sdk.record.metadata import RunMetadata
from llmops_sdk.record.run import Run
from llmops_sdk.record.runs import list_runs, unreadable_runs
from llmops_sdk.record.stores import Store
from llmops_sdk.values.serial import to_json
from llmops_sdk.values.step_records import Failed


@attrs.frozen
class RunState:
    """How far a run is.

    Attributes:
        metadata: What the run is.
        steps: The number of its steps.
        ended: The number of those that have ended.
        failed: The number of those that failed, or could not run since an earlier one failed.
        has_results: Whether it has a verdict.
    """

    metadata: RunMetadata
    steps: int
    ended: int
    failed: int
    has_results: bool

    @property
    def text(self) -> str:
        """The state in a word or two."""
        if self.failed:
            return f"{count(self.failed, 'step')} failed"
        return "finished" if self.has_results else "not finished"

    @property
    def json(self) -> dict[str, Any]:
        """What `llmops runs --json` writes of a run."""
        return {**to_json(self.metadata), "steps": self.steps, "steps_ended": self.ended, "state": self.text}


def list_states(store: Store) -> tuple[list[RunState], list[str]]:
    """Return the state of every run of a store, oldest first, and what cannot be read."""
    states, problems = [], [f"run {broken.run}: {broken.error}" for broken in unreadable_runs(store)]
    for metadata in list_runs(store):
        try:
            states.append(_state(store, metadata))
        except (UserError, OSError) as exc:
            problems.append(f"run {metadata.run}: {' '.join(str(exc).split())}")
    return states, problems


def _state(store: Store, metadata: RunMetadata) -> RunState:
    run = Run.open(store, metadata.run)
    records = [record for step in run.plan.steps if (record := run.record(step.name)) is not None]
    failed = sum(isinstance(record, Failed) for record in records)
    return RunState(metadata, len(run.plan.steps), len(records), failed, run.has_results)


def show_runs(states: Iterable[RunState]) -> None:
    """Print one line a run, newest last."""
    console, table = open_console(), new_table("run", "created (UTC)", "steps", "state")
    for state in states:
        created = f"{state.metadata.created_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(state.metadata.run, created, f"{state.ended}/{state.steps}", state.text)
    if table.row_count:
        console.print(table)
    else:
        console.print("no runs yet; start one with: llmops run quickstart")
