"""The heartbeat of running steps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from llmops_sdk import Pipeline, Run
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.steps import heartbeat
from llmops_sdk.steps.heartbeat import Heartbeat
from llmops_sdk.testing import MemoryStore

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
