"""Resources cannot outlive the run: in the ledger before they are created, deleted in a `finally`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from llmops_sdk.errors import EndpointError
from llmops_sdk.steps.job import Job
from llmops_sdk.values.resources import Resource


@contextmanager
def managed_resources(
    job: Job, resources: Iterable[Resource], delete: Callable[[Resource], None], *, keep: bool = False
) -> Iterator[None]:
    """Enter resources into the ledger, and delete them however the block ends.

    All of them are tried even when deleting one fails, and the ledger keeps what may still exist. What is left is raised,
    or told where the block itself failed.

    Args:
        job: The step.
        resources: What the block makes, in that order.
        delete: Deletes one.
        keep: Whether they stay when the block succeeds, which the ledger, the log and the progress say.
    """
    entered = tuple(resources)
    for resource in entered:
        job.run.add_resource(resource, job.step)
    try:
        yield
        if keep:
            _keep_all(job, entered)
    except BaseException:
        failure = _delete_all(job, entered, delete)
        if failure is not None:
            job.runtime.progress.log(f"{job.step}: {failure}")
        raise
    failure = None if keep else _delete_all(job, entered, delete)
    if failure is not None:
        raise failure


def how_to_remove(run_id: str) -> str:
    """Say how what a run has kept is removed."""
    return f"llmops gc --run {run_id} --force"


def _keep_all(job: Job, entered: tuple[Resource, ...]) -> None:
    for resource in entered:
        job.run.mark_kept(resource, job.step)
    kept = ", ".join(f"{resource.kind} {resource.name}" for resource in reversed(entered))
    said = f"kept, and goes on costing: {kept}; remove it with: {how_to_remove(job.run.id)}"
    job.log.warning("%s", said)
    job.runtime.progress.log(f"{job.step}: {said}")


def _delete_all(job: Job, entered: tuple[Resource, ...], delete: Callable[[Resource], None]) -> Exception | None:
    failure: Exception | None = None
    left: list[Resource] = []
    for resource in reversed(entered):
        left.append(resource)
        try:
            delete(resource)
            left.remove(resource)
            job.run.mark_deleted(resource, job.step)
        except Exception as exc:
            job.log.exception("%s %r could not be deleted", resource.kind, resource.name)
            failure = failure or exc
    if not left:
        return failure
    names = ", ".join(f"{resource.kind} {resource.name}" for resource in left)
    found = EndpointError(
        f"left, and may go on costing: {names} ({failure}); remove it with: llmops gc --run {job.run.id}"
    )
    found.__cause__ = failure
    return found
