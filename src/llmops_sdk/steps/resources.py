"""Resources cannot outlive the run: in the ledger before they are created, deleted in a `finally`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from llmops_sdk.errors import EndpointError
from llmops_sdk.steps.execution import StepExecution
from llmops_sdk.values.resources import Resource


@contextmanager
def managed_resources(
    execution: StepExecution,
    resources: Iterable[Resource],
    delete: Callable[[Resource], None],
    *,
    keep: bool = False,
) -> Iterator[Callable[[Resource], None]]:
    """Enter resources into the ledger, and delete them however the block ends; yield a function that enters one more.

    Each is tried even if deleting another one fails, and the ledger keeps what may still exist.

    Args:
        execution: The step.
        resources: What the block creates, in that order; deleted in reverse order.
        delete: Deletes one.
        keep: Whether they stay if the block succeeds; the ledger, the log and the progress then show them.

    Raises:
        EndpointError: One could not be deleted. Only logged if the block itself failed.
    """
    entered: list[Resource] = []

    def add(resource: Resource) -> None:
        execution.run.add_resource(resource, execution.step)
        entered.append(resource)

    for resource in resources:
        add(resource)
    try:
        yield add
        if keep:
            _keep_all(execution, entered)
    except BaseException:
        failure = _delete_all(execution, entered, delete)
        if failure is not None:
            execution.runtime.progress.log(f"{execution.step}: {failure}")
        raise
    failure = None if keep else _delete_all(execution, entered, delete)
    if failure is not None:
        raise failure


def how_to_remove(run_id: str) -> str:
    """Return the command that deletes what a run has kept."""
    return f"llmops gc --run {run_id} --force"


def _keep_all(execution: StepExecution, entered: Sequence[Resource]) -> None:
    for resource in entered:
        execution.run.mark_kept(resource, execution.step)
    message = f"kept (still billed): {_names(reversed(entered))}; delete with: {how_to_remove(execution.run.id)}"
    execution.log.warning("%s", message)
    execution.runtime.progress.log(f"{execution.step}: {message}")


def _delete_all(
    execution: StepExecution, entered: Sequence[Resource], delete: Callable[[Resource], None]
) -> Exception | None:
    cause: Exception | None = None
    remaining: list[Resource] = []
    for resource in reversed(entered):
        remaining.append(resource)
        try:
            delete(resource)
            remaining.remove(resource)
            execution.run.mark_deleted(resource, execution.step)
        except Exception as exc:
            execution.log.exception("%s %r could not be deleted", resource.kind, resource.name)
            cause = cause or exc
    if not remaining:
        return cause
    message = f"not deleted (may still be billed): {_names(remaining)} ({cause}); delete with: llmops gc --run {execution.run.id}"
    failure = EndpointError(message)
    failure.__cause__ = cause
    return failure


def _names(resources: Iterable[Resource]) -> str:
    return ", ".join(f"{resource.kind} {resource.name}" for resource in resources)
