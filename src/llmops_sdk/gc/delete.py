"""Deleting what runs left behind."""

from __future__ import annotations

import logging
import tempfile
import time
from pathlib import Path

import attrs

from llmops_sdk.errors import LLMOpsError, ResourceBusyError, SpecError
from llmops_sdk.gc.leftover import Leftover, Leftovers
from llmops_sdk.plugin.cards import CardKind
from llmops_sdk.record.ledger import LedgerEntry
from llmops_sdk.record.run import Run
from llmops_sdk.steps.runtime import Runtime
from llmops_sdk.values.plan import Component, GenerateStep, Plan, TrainStep

ATTEMPTS = 3
"""How often a deletion is tried that fails for another reason than a busy resource."""

LONGEST_PAUSE = 10.0
"""The longest pause between two attempts, in seconds."""

_LOG = logging.getLogger(__name__)


def delete_leftovers(leftovers: Leftovers, runtime: Runtime, *, patience: float) -> Leftovers:
    """Delete every resource with the status `delete`; retry busy ones until the patience is over.

    Args:
        leftovers: From `find_leftovers`.
        runtime: The process's registry, cache and progress.
        patience: How many seconds to retry resources that cannot be deleted yet.

    Returns:
        The same resources, with the status `deleted`, or `failed` and the error.
    """
    items = list(leftovers.items)
    todo = [number for number, item in enumerate(items) if item.status == "delete"]
    deadline, attempt = time.monotonic() + patience, 0
    with runtime.progress.task("deleting", len(todo), "resources") as task:
        while todo:
            attempt += 1
            todo = _try_all(items, todo, attempt)
            details = {"waiting_for": items[todo[0]].resource.name} if todo else {}
            task.update(sum(item.status == "deleted" for item in items), **details)
            pause = min(LONGEST_PAUSE, float(attempt), deadline - time.monotonic())
            if not todo or pause <= 0:
                break
            time.sleep(pause)
    return attrs.evolve(leftovers, items=tuple(items))


def _try_all(items: list[Leftover], todo: list[int], attempt: int) -> list[int]:
    """Try each deletion once, update the items, and return the numbers of those to try again.

    A busy resource may use those that the same step created before it, so these wait too.
    """
    again: list[int] = []
    busy: dict[tuple[str, str], str] = {}
    for number in todo:
        item = items[number]
        step = (item.run_id, item.step)
        if step in busy:
            items[number] = attrs.evolve(item, status="failed", error=f"waiting for {busy[step]}")
            again.append(number)
            continue
        try:
            item.delete()
        except ResourceBusyError as exc:
            busy[step] = f"{item.resource.kind} {item.resource.name!r}"
            items[number] = attrs.evolve(item, status="failed", error=_one_line(exc))
            again.append(number)
        except Exception as exc:  # noqa: BLE001 - whatever a plugin raises, the other resources are deleted
            items[number] = attrs.evolve(item, status="failed", error=_one_line(exc))
            if attempt < ATTEMPTS:
                again.append(number)
        else:
            items[number] = attrs.evolve(item, status="deleted", error="")
    return again


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if text and isinstance(error, LLMOpsError) else f"{type(error).__name__}: {text}"


def delete_ledger_entry(run: Run, entry: LedgerEntry, runtime: Runtime) -> None:
    """Delete a resource with the plugin that created it, and mark it as deleted in the ledger.

    Of a damaged entry the step is not known: every plugin of the plan that creates resources is asked to delete it.
    """
    creators = _creators(run.plan) if entry.is_damaged else [_creator(run.plan, entry.step)]
    failures: list[Exception] = []
    for kind, component in creators:
        try:
            _delete_with(run, entry, runtime, kind, component)
        except Exception as exc:
            if not entry.is_damaged:
                raise
            failures.append(exc)
    known = [exc for exc in failures if isinstance(exc, LLMOpsError)]
    if known or (failures and len(failures) == len(creators)):
        raise (known or failures)[0]
    run.mark_deleted(entry.resource, entry.step)


def _delete_with(run: Run, entry: LedgerEntry, runtime: Runtime, kind: CardKind, component: Component) -> None:
    creator = runtime.registry.make(kind, component.use, component.options)
    with tempfile.TemporaryDirectory(prefix="llmops-") as folder:
        context = runtime.context(
            run_id=run.id, step=entry.step, folder=Path(folder), log=_LOG, settings=run.plan.settings
        )
        creator.delete(context.for_card(kind, component.use), entry.resource)


def _creators(plan: Plan) -> list[tuple[CardKind, Component]]:
    """Return every trainer and deployer of a plan, each once."""
    creators = {
        (kind, component.key): (kind, component)
        for model in plan.model_by_name.values()
        for kind, component in (("deployer", model.deployer), ("trainer", model.trainer))
        if component is not None
    }
    return list(creators.values())  # type: ignore[arg-type]


def _creator(plan: Plan, name: str) -> tuple[CardKind, Component]:
    """Return the trainer or the deployer that a step uses."""
    step = plan.step_by_name.get(name)
    if isinstance(step, TrainStep) and (trainer := plan.model_by_name[step.model].trainer_of(step.seed)):
        return "trainer", trainer
    if isinstance(step, GenerateStep):
        return "deployer", plan.model_by_name[step.model].deployer
    message = f"the plan has no step {name!r} that creates resources"
    raise SpecError(message)
