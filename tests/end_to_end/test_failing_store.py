"""Runs whose store fails: nothing is left running, and the run can be resumed."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import Pipeline, Progress, StoreError, resume
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import EchoEndpoint

from ..failing_store import FailingStore


@pytest.fixture(name="pipeline")
def _pipeline(home: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    pipeline = Pipeline.builder("echo").with_dataset("lines").with_prompt("bare")
    return pipeline.with_model("echo", fine_tune=False).with_evaluator("echo-score")


@pytest.mark.parametrize("writes", range(3, 24, 4))
def test_a_run_can_be_resumed_after_its_store_failed(writes: int, pipeline: Pipeline, registry: Registry) -> None:
    """Whenever the store fails: the error is raised, no endpoint is left, and the resumed run finishes."""
    store = FailingStore(writes)
    before = set(EchoEndpoint._serving)  # of other tests in this process
    with pytest.raises(StoreError, match="have expired"):
        pipeline.run(store=store, registry=registry, progress=Progress())
    assert before == set(EchoEndpoint._serving)

    store.writes_left = 10_000
    assert () == resume("latest", store=store, registry=registry, progress=Progress()).failures
