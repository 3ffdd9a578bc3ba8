"""Why a step was reused or done again, as the terminal, `show` and the report print it."""

from __future__ import annotations

from collections.abc import Mapping

from llmops_sdk.record.run import Run
from llmops_sdk.record.runs import read_record
from llmops_sdk.steps.execution import StepOutput
from llmops_sdk.values.plan import GenerateStep, ScoreStep
from llmops_sdk.values.step_records import Succeeded

_MOST_NAMED = 3


def find_reason(run: Run, step: str, output: StepOutput) -> str:
    """Return why a step was reused or done again; empty where no earlier run of the pipeline had it.

    Args:
        run: The run.
        step: The step's name.
        output: What the step left.
    """
    if output.cached:
        return _why_reused(run, step, output)
    if run.plan.is_fresh(step) or run.plan.measures_again(step):
        return "done again as --fresh asks"
    earlier_run = run.metadata.based_on or run.metadata.previous
    earlier = read_record(run.store, earlier_run, step) if earlier_run else None
    if not isinstance(earlier, Succeeded) or not earlier.inputs or not output.inputs:
        return ""
    changes = _changes(earlier.inputs, output.inputs)
    if changes:
        return f"changed since run {earlier_run}: {changes}"
    if earlier.pending:
        return f"run {earlier_run} left {earlier.pending} records pending"
    return f"what run {earlier_run} made is damaged or gone"


def _why_reused(run: Run, name: str, output: StepOutput) -> str:
    artifacts = [run.artifact(address) for address in output.artifacts.values()]
    makers = dict.fromkeys(artifact.run for artifact in artifacts if artifact and artifact.run not in ("", run.id))
    if not makers:
        step = run.plan.step_by_name[name]
        return "stopped at an earlier look" if isinstance(step, (GenerateStep, ScoreStep)) and step.look > 1 else ""
    runs = ", ".join(list(makers)[:_MOST_NAMED]) + (", …" if len(makers) > _MOST_NAMED else "")
    return f"same inputs as in {'run' if len(makers) == 1 else 'runs'} {runs}"


def _changes(earlier: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return what differs, in words."""
    names = [name if name in earlier else f"{name} (new)" for name, value in now.items() if earlier.get(name) != value]
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
