"""The steps of a run: how far it is, and what was reused or done again and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from llmops_sdk.cli.output.tables import open_console, print_entry, print_line
from llmops_sdk.explain.explanation import Explanation, State
from llmops_sdk.pipeline.interruption import gc_command, may_have_resources, resume_command
from llmops_sdk.record.run import Run
from llmops_sdk.values.step_records import Failed, Succeeded

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH = 7
_MOST_STEPS = 30
_STYLES: Mapping[State, str] = {"ran": "green", "reused": "green", "taken": "green", "failed": "red", "stopped": "red"}


def show_progress(console: Console, run: Run) -> None:
    """Print what became of each step so far, and how to resume the run."""
    ended = 0
    for step in run.plan.steps:
        record, started = run.record(step.name), run.started(step.name)
        ended += record is not None
        if isinstance(record, Failed):
            print_entry(console, "failed", f"{step.name}: {record.error}", width=_WIDTH, style="red")
        elif isinstance(record, Succeeded):
            _show_succeeded(console, record)
        elif started:
            where = f"started on {started.host}, process {started.pid}"
            print_entry(console, "started", f"{step.name}: {where}", width=_WIDTH)
    steps = len(run.plan.steps)
    print_line(console, f"\n{ended} of {steps} steps have ended; resume with: {resume_command(run.id, run.store.uri)}")
    if may_have_resources(run):
        print_line(
            console, f"resources of the run may exist and be billed; delete them with: {gc_command(run)}", "yellow"
        )


def show_reasons(run: Run) -> None:
    """Print which steps were reused and which were done again, and why; nothing if the pipeline ran for the first time."""
    console = open_console()
    succeeded = [record for step in run.plan.steps if isinstance(record := run.record(step.name), Succeeded)]
    explained = [record for record in succeeded if record.reason]
    if not explained:
        return
    console.print("\nsteps")
    for record in explained[:_MOST_STEPS]:
        _show_succeeded(console, record)
    if len(explained) > _MOST_STEPS:
        console.print(f"… and {len(explained) - _MOST_STEPS} more; the report has all of them")


def show_explanation(explanation: Explanation) -> None:
    """Print why a step ran or was reused, with all that changed."""
    console = open_console()
    state = explanation.state
    print_entry(console, state, f"{explanation.step}: {explanation.reason}", width=_WIDTH, style=_STYLES.get(state, ""))
    for name, change in explanation.changes.items():
        print_entry(console, "", f"{name}: {change}", width=_WIDTH)
    for detail in explanation.details:
        print_line(console, f"{detail[:1].upper()}{detail[1:]}.", "dim")


def show_explanations(run_id: str, explanations: Iterable[Explanation]) -> None:
    """Print a line for each step."""
    console = open_console()
    for explanation in explanations:
        changes = "; ".join(f"{name}: {change}" for name, change in explanation.changes.items())
        text = f"{explanation.step}: {explanation.reason}" + (f" ({changes})" if changes else "")
        print_entry(console, explanation.state, text, width=_WIDTH, style=_STYLES.get(explanation.state, ""))
    print_line(console, f"more about a step: llmops explain {run_id} STEP", "dim")


def _show_succeeded(console: Console, record: Succeeded) -> None:
    text = f"{record.step}: {record.reason}" if record.reason else record.step
    print_entry(console, "reused" if record.cached else "done", text, width=_WIDTH, style="green")
