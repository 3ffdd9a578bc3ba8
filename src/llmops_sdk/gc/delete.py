"""Deleting what runs have left."""

from __future__ import annotations

import logging
import tempfile
import time
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.errors import LLMOpsError, ResourceBusyError, SpecError
from llmops_sdk.gc.leftover import Leftover, Leftovers
from llmops_sdk.record.runs import LedgerEntry, Run
from llmops_sdk.steps.runtime import Runtime
from llmops_sdk.values.plan import GenerateStep, Plan, TrainStep

ATTEMPTS = 3
"""How often deleting a resource is tried where it fails and the resource is not busy."""

LONGEST_PAUSE = 10.0
"""Seconds between two attempts at the most."""

_LOG = logging.getLogger(__name__)


def remove(leftovers: Leftovers, runtime: Runtime, *, patience: float) -> Leftovers:
    """Delete what is to be removed. All of it is tried, and what is busy again until the patience is over.

    Args:
        leftovers: Of `find_leftovers`.
        runtime: Whose progress is told.
        patience: Seconds to wait for what cannot be deleted yet.

    Returns:
        The same, each with the status `removed`, or `left` and the error.
    """
    now = list(leftovers.found)
    todo = [number for number, item in enumerate(now) if item.status == "remove"]
    until, attempt = time.monotonic() + patience, 0
    with runtime.progress.task("removing", len(todo), "resources") as task:
        while todo:
            attempt += 1
            todo = _try(now, todo, attempt)
            metadata = {"waiting_for": now[todo[0]].resource.name} if todo else {}
            task.update(sum(item.status == "removed" for item in now), **metadata)
            pause = min(LONGEST_PAUSE, float(attempt), until - time.monotonic())
            if not todo or pause <= 0:
                break
            time.sleep(pause)
    return attrs.evolve(leftovers, found=tuple(now))


def _try(now: list[Leftover], todo: list[int], attempt: int) -> list[int]:
    """Try each once, keep how it is then, and return those worth another attempt.

    What a step made before a resource that is busy may be in use by that, and waits.
    """
    again: list[int] = []
    busy: dict[tuple[str, str], str] = {}
    for number in todo:
        item = now[number]
        step = (item.run_id, item.step)
        if step in busy:
            now[number] = attrs.evolve(item, status="left", error=f"waits for {busy[step]}")
            again.append(number)
            continue
        try:
            item.delete()
        except ResourceBusyError as exc:
            busy[step] = f"{item.resource.kind} {item.resource.name!r}"
            now[number] = attrs.evolve(item, status="left", error=_one_line(exc))
            again.append(number)
        except Exception as exc:  # noqa: BLE001 - all that can go wrong goes to the parent
            now[number] = attrs.evolve(item, status="left", error=_one_line(exc))
            if attempt < ATTEMPTS:
                again.append(number)
        else:
            now[number] = attrs.evolve(item, status="removed", error="")
    return again


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if text and isinstance(error, LLMOpsError) else f"{type(error).__name__}: {text}"


def delete_entered(run: Run, entry: LedgerEntry, runtime: Runtime) -> None:
    """Delete a resource by the plugin that made it, and strike it from the ledger."""
    maker = _maker(run.plan, entry.step, runtime)
    with tempfile.TemporaryDirectory(prefix="llmops-") as folder:
        context = runtime.context(run, entry.step, Path(folder), _LOG)
        maker.delete(context, entry.resource)
    run.mark_deleted(entry.resource, entry.step)


def _maker(plan: Plan, name: str, runtime: Runtime) -> Any:
    step = plan.step_by_name.get(name)
    if isinstance(step, TrainStep) and (trainer := plan.model_by_name[step.model].trainer):
        return runtime.registry.make("trainer", trainer.use, trainer.options)
    if isinstance(step, GenerateStep):
        deployer = plan.model_by_name[step.model].deployer
        return runtime.registry.make("deployer", deployer.use, deployer.options)
    message = f"the plan has no step {name!r} that makes resources"
    raise SpecError(message)
