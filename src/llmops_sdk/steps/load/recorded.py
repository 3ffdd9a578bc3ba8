"""What the steps of a run measured under load, as its record has it."""

from __future__ import annotations

from llmops_sdk.record.run import Run
from llmops_sdk.values.load import LOAD_AT, LoadLevel, ModelLoad
from llmops_sdk.values.plan import GenerateStep
from llmops_sdk.values.step_records import Succeeded


def read_loads(run: Run) -> tuple[ModelLoad, ...]:
    """Return what the steps of a run measured, in the order of its models."""
    if run.plan.load is None:
        return ()
    measured: dict[str, ModelLoad] = {}
    for name in run.plan.load.cells:
        step, record = run.plan.step_by_name[name], run.record(name)
        if not isinstance(step, GenerateStep) or not isinstance(record, Succeeded):
            continue
        addresses = [address for key, address in record.artifacts.items() if key.startswith(LOAD_AT)]
        levels = [artifact.read(LoadLevel) for address in addresses if (artifact := run.artifact(address))]
        if levels:
            measured[step.model] = ModelLoad(step.model, tuple(sorted(levels, key=lambda level: level.concurrency)))
    return tuple(measured[model.name] for model in run.plan.models if model.name in measured)
