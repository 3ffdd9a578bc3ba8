"""Resources cannot outlive the run: in the ledger before they are created, deleted in a `finally`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from llmops_sdk.running.job import Job
from llmops_sdk.values import Resource


@contextmanager
def guarded(job: Job, resources: Iterable[Resource], delete: Callable[[Resource], None]) -> Iterator[None]:
    """Enter resources into the ledger, and delete them however the block ends.

    All of them are tried even when deleting one fails; the first failure is raised unless the block itself failed, and
    the ledger keeps what may still exist.
    """
    entered = tuple(resources)
    for resource in entered:
        job.run.enter(resource, job.step)
    try:
        yield
    except BaseException:
        _delete_all(job, entered, delete)
        raise
    failure = _delete_all(job, entered, delete)
    if failure is not None:
        raise failure


def _delete_all(job: Job, entered: tuple[Resource, ...], delete: Callable[[Resource], None]) -> Exception | None:
    failure: Exception | None = None
    for resource in reversed(entered):
        try:
            delete(resource)
            job.run.strike(resource, job.step)
        except Exception as exc:
            job.log.exception("%s %r could not be deleted", resource.kind, resource.name)
            failure = failure or exc
    return failure
