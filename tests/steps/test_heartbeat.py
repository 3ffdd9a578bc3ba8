"""The heartbeat of running steps."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import pytest

from llmops_sdk import Pipeline, Run, RunNotFoundError
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.steps import heartbeat
from llmops_sdk.steps.heartbeat import ALIVE_SECONDS, Heartbeat, in_progress, where_running
from llmops_sdk.testing import MemoryStore
from llmops_sdk.values.step_records import Failed

from ..failing_store import FailingStore

STEP = "generate.echo"


@pytest.fixture(name="pipeline")
def _pipeline() -> Pipeline:
    pipeline = Pipeline.builder("echo").with_dataset("lines").with_prompt("bare")
    return pipeline.with_model("echo", fine_tune=False).with_evaluator("echo-score")


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "HEARTBEAT_SECONDS", 0.02)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, at most 20 seconds."""
    pause = threading.Event()
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        pause.wait(0.01)


def last_heartbeat(run: Run) -> float:
    """Return when the step was last alive."""
    started = run.started(STEP)
    assert started is not None
    return started.heartbeat


def test_a_step_has_a_heartbeat_until_it_stops(pipeline: Pipeline, registry: Registry) -> None:
    """It is written at once and again, with the time at which the step started; after `stop` no more."""
    run = Run.create(MemoryStore(), pipeline.build(registry))
    steps = Heartbeat()

    steps.start(run, STEP, 17.0)
    first = last_heartbeat(run)
    wait_until(lambda: last_heartbeat(run) > first)
    steps.stop(run, STEP)

    started = run.started(STEP)
    assert started is not None
    assert 17.0 == started.started_at
    threading.Event().wait(0.1)  # a heartbeat that was on its way
    last = last_heartbeat(run)
    threading.Event().wait(0.2)
    assert last == last_heartbeat(run)


def test_a_lost_heartbeat_is_not_the_last_one(pipeline: Pipeline, registry: Registry) -> None:
    """One refused write does not make a running step look dead for good."""
    store = FailingStore(10_000)
    run = Run.create(store, pipeline.build(registry))
    steps = Heartbeat()
    steps.start(run, STEP, time.time())
    store.writes_left = 0
    wait_until(lambda: store.refused > 0)
    lost = time.time()

    store.writes_left = 10_000

    wait_until(lambda: last_heartbeat(run) > lost)
    steps.stop(run, STEP)


def test_a_run_has_a_heartbeat_while_it_is_in_progress(pipeline: Pipeline, registry: Registry) -> None:
    """It is gone afterwards; the marks of what the run uses stay until each of its steps has a record."""
    store = MemoryStore()
    run = Run.create(store, pipeline.build(registry))

    with in_progress(run):
        run.mark_use(["model/1f"])
        now = time.time()
        assert where_running(store, run.id, "", now).endswith(f", process {os.getpid()}")
        assert "" == where_running(store, run.id, "", now + ALIVE_SECONDS + 60)

    assert "" == where_running(store, run.id, "", time.time())
    assert [f"runs/{run.id}/uses/model.1f"] == list(store.list(f"runs/{run.id}/uses/"))
    for step in run.plan.steps:
        run.write_record(Failed(step.name, "no", "", step.name, 0.0, 0.0))
    with in_progress(run):
        pass
    assert [] == list(store.list(f"runs/{run.id}/uses/"))


def test_a_run_that_is_freed_does_not_start(pipeline: Pipeline, registry: Registry) -> None:
    """It shows that it is running before it looks: of two at the same time, one sees the other."""
    store = MemoryStore()
    run = Run.create(store, pipeline.build(registry))
    store.put(f"runs/{run.id}/freed", b"")

    with pytest.raises(RunNotFoundError, match="has just been freed"), in_progress(run):
        pass

    assert run.started("") is None
