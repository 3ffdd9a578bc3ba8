"""A store that fails in mid-run, as S3 does when a token expires: nothing is left running, and the run goes on later."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from llmops_sdk import EndpointError, Pipeline, Progress, Run, StoreError
from llmops_sdk.pipeline.execution import resume
from llmops_sdk.plugin import Resource, Runtime
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.steps import heartbeat as heart
from llmops_sdk.steps.job import Job
from llmops_sdk.steps.resources import managed_resources
from llmops_sdk.testing import EchoEndpoint, MemoryStore


class Failing(MemoryStore):
    """Refuses every write after so many; counts them all."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.left = after
        self.refused = 0

    def put(self, key: str, data: bytes) -> None:
        self.left -= 1
        if self.left < 0:
            self.refused += 1
            message = "store 's3://...': the AWS credentials have expired"
            raise StoreError(message)
        super().put(key, data)


@pytest.fixture(name="pipeline")
def _pipeline(home: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    made = Pipeline.builder("echo").with_dataset("lines").with_prompt("bare")
    return made.with_model("echo", fine_tune=False).with_evaluator("echo-score")


@pytest.mark.parametrize("after", range(3, 30, 4))
def test_a_run_goes_on_after_its_store_failed(after: int, pipeline: Pipeline, registry: Registry) -> None:
    """Whenever it fails: the error is told, no endpoint is left, and the resumed run comes to its end."""
    store = Failing(after)
    before = set(EchoEndpoint._serving)  # of other tests in this process
    with pytest.raises(StoreError, match="have expired"):
        pipeline.run(store=store, registry=registry, progress=Progress())
    assert before == set(EchoEndpoint._serving)

    store.left = 10_000
    assert resume("latest", store=store, registry=registry, progress=Progress()).failures == ()


def test_every_resource_is_deleted_though_the_ledger_cannot_be_written(
    pipeline: Pipeline, registry: Registry, tmp_path: Path
) -> None:
    """A ledger that takes no stroke keeps no resource from being deleted; the error is raised in the end."""
    store = Failing(10_000)
    run = Run.create(store, pipeline.build(registry))
    job = Job(run, "generate.echo", Runtime(registry, tmp_path), logging.getLogger("test"), time.time())
    deleted: list[str] = []
    resources = [Resource("thing", name) for name in ("one", "two", "three")]

    with pytest.raises(StoreError), managed_resources(job, resources, lambda resource: deleted.append(resource.name)):
        store.left = 0

    assert ["three", "two", "one"] == deleted
    assert [None] * 3 == [entry.deleted for entry in run.ledger()]


@pytest.mark.parametrize("fails", [False, True])
def test_what_could_not_be_deleted_is_told(
    fails: bool,  # noqa: FBT001 - a parameter
    pipeline: Pipeline,
    registry: Registry,
    tmp_path: Path,
) -> None:
    """Where the step itself failed, beside its error; else as the step's error. The ledger has it, and the way to remove it."""
    said: list[str] = []

    class Told(Progress):
        def log(self, text: str) -> None:
            said.append(text)

    run = Run.create(MemoryStore(), pipeline.build(registry))
    job = Job(
        run, "generate.echo", Runtime(registry, tmp_path, progress=Told()), logging.getLogger("test"), time.time()
    )
    resources = [Resource("thing", name) for name in ("one", "two")]

    def delete(resource: Resource) -> None:
        if resource.name == "one":
            message = "thing 'one': not now"
            raise EndpointError(message)

    with pytest.raises(EndpointError) as found, managed_resources(job, resources, delete):  # noqa: PT012 - a block that may fail
        if fails:
            message = "the step failed"
            raise EndpointError(message)

    how = f"remove it with: llmops gc --run {run.id}"
    told = f"left, and may go on costing: thing one (thing 'one': not now); {how}"
    assert ("the step failed" if fails else told) == str(found.value)
    assert ([f"generate.echo: {told}"] if fails else []) == said
    assert ["one"] == [entry.resource.name for entry in run.ledger() if entry.deleted is None]


def test_the_heart_beats_on_after_a_beat_was_lost(
    pipeline: Pipeline, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One refused write does not make a running step look dead for good."""
    monkeypatch.setattr(heart, "HEARTBEAT_SECONDS", 0.02)
    store = Failing(10_000)
    run = Run.create(store, pipeline.build(registry))
    beating = heart.Heartbeat()
    beating.start(run, "generate.echo", time.time())
    store.left = 0
    _until(lambda: store.refused > 0)
    lost = time.time()

    store.left = 10_000

    _until(lambda: (started := run.started("generate.echo")) is not None and started.beat > lost)
    beating.stop(run, "generate.echo")


def _until(true: Callable[[], bool]) -> None:
    waited = threading.Event()
    until = time.monotonic() + 20
    while not true():
        assert time.monotonic() < until
        waited.wait(0.01)
