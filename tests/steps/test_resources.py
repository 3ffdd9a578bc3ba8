"""Resources of a step: in the ledger before they are created, deleted however the step ends."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest

from llmops_sdk import EndpointError, Pipeline, Progress, Run, StoreError
from llmops_sdk.plugin import Resource, Runtime
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.stores import Store
from llmops_sdk.steps.execution import StepExecution
from llmops_sdk.steps.resources import managed_resources
from llmops_sdk.testing import MemoryStore

from ..failing_store import FailingStore

ONE, TWO, THREE = (Resource("thing", name) for name in ("one", "two", "three"))


class Log(Progress):
    """Keeps the lines that are logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        """Keep a line."""
        self.lines.append(text)


@pytest.fixture(name="log")
def _log() -> Log:
    return Log()


def make_execution(registry: Registry, folder: Path, store: Store, log: Progress) -> StepExecution:
    """Make the execution of a step of a new run."""
    pipeline = Pipeline.builder("echo").with_dataset("lines").with_prompt("bare")
    plan = pipeline.with_model("echo", fine_tune=False).with_evaluator("echo-score").build(registry)
    run = Run.create(store, plan)
    runtime = Runtime(registry, folder, progress=log)
    return StepExecution(run, "generate.echo", runtime, logging.getLogger("test"), time.time())


def test_resources_are_in_the_ledger_before_the_block_and_deleted_after_it(
    registry: Registry, tmp_path: Path, log: Log
) -> None:
    """The block sees them in the ledger; afterwards they are deleted in reverse order, and marked as deleted."""
    execution = make_execution(registry, tmp_path, MemoryStore(), log)
    deleted: list[Resource] = []

    with managed_resources(execution, [ONE, TWO], deleted.append):
        assert [(ONE, None), (TWO, None)] == [(entry.resource, entry.deleted) for entry in execution.run.ledger()]
        assert [] == deleted

    assert [TWO, ONE] == deleted
    assert all(entry.deleted is not None for entry in execution.run.ledger())


def test_a_further_resource_is_in_the_ledger_before_it_is_created(registry: Registry, tmp_path: Path, log: Log) -> None:
    """It is deleted first."""
    execution = make_execution(registry, tmp_path, MemoryStore(), log)
    deleted: list[Resource] = []

    with managed_resources(execution, [ONE], deleted.append) as add:
        add(TWO)
        assert [(ONE, None), (TWO, None)] == [(entry.resource, entry.deleted) for entry in execution.run.ledger()]

    assert [TWO, ONE] == deleted
    assert all(entry.deleted for entry in execution.run.ledger())


def test_kept_resources_are_in_the_ledger_the_log_and_the_progress(
    registry: Registry, tmp_path: Path, log: Log
) -> None:
    """Nothing is deleted; the line names them and the command that deletes them."""
    execution = make_execution(registry, tmp_path, MemoryStore(), log)
    deleted: list[Resource] = []

    with managed_resources(execution, [ONE], deleted.append, keep=True):
        pass

    assert [] == deleted
    assert [True] == [entry.kept for entry in execution.run.ledger()]
    command = f"llmops gc --run {execution.run.id} --force"
    assert [f"generate.echo: kept (still billed): thing one; delete with: {command}"] == log.lines


def test_resources_are_not_kept_if_the_block_fails(registry: Registry, tmp_path: Path, log: Log) -> None:
    """What the user wished to keep after success is deleted after a failure."""
    execution = make_execution(registry, tmp_path, MemoryStore(), log)
    deleted: list[Resource] = []

    failure = ValueError("the block failed")
    with pytest.raises(ValueError, match="failed"), managed_resources(execution, [ONE], deleted.append, keep=True):
        raise failure

    assert [ONE] == deleted


def test_every_resource_is_deleted_if_the_ledger_cannot_be_written(
    registry: Registry, tmp_path: Path, log: Log
) -> None:
    """A failing store keeps no resource from being deleted; its error is raised at the end."""
    store = FailingStore(10_000)
    execution = make_execution(registry, tmp_path, store, log)
    deleted: list[Resource] = []

    with pytest.raises(StoreError), managed_resources(execution, [ONE, TWO, THREE], deleted.append):
        store.writes_left = 0

    assert [THREE, TWO, ONE] == deleted
    assert [None] * 3 == [entry.deleted for entry in execution.run.ledger()]


@pytest.mark.parametrize("fails", [False, True])
def test_a_resource_that_could_not_be_deleted_is_reported(
    fails: bool,  # noqa: FBT001 - a parameter
    registry: Registry,
    tmp_path: Path,
    log: Log,
) -> None:
    """As the step's error, or in the progress if the step failed itself; with the command that deletes it."""
    execution = make_execution(registry, tmp_path, MemoryStore(), log)

    def delete(resource: Resource) -> None:
        if resource == ONE:
            message = "thing 'one': not now"
            raise EndpointError(message)

    with pytest.raises(EndpointError) as failure, managed_resources(execution, [ONE, TWO], delete):  # noqa: PT012 - a block that may fail
        if fails:
            message = "the step failed"
            raise EndpointError(message)

    command = f"delete with: llmops gc --run {execution.run.id}"
    report = f"not deleted (may still be billed): thing one (thing 'one': not now); {command}"
    assert ("the step failed" if fails else report) == str(failure.value)
    assert ([f"generate.echo: {report}"] if fails else []) == log.lines
    assert [ONE] == [entry.resource for entry in execution.run.ledger() if entry.deleted is None]
