"""Runs whose store fails: nothing is left running, and the run can be resumed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from llmops_sdk import Pipeline, Progress, StoreError, resume
from llmops_sdk.gc.delete import delete_leftovers
from llmops_sdk.gc.find import find_leftovers
from llmops_sdk.gc.leftover import Choice
from llmops_sdk.pipeline.verification import verify_run
from llmops_sdk.plugin import Runtime
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.runs import list_runs
from llmops_sdk.testing import EchoEndpoint, MemoryStore
from llmops_sdk.values.results import Leaderboard

from ..failing_store import FailingStore


@pytest.fixture(name="pipeline")
def _pipeline(home: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    pipeline = Pipeline.builder("echo").with_dataset("lines").with_prompt("bare")
    return pipeline.with_model("echo", fine_tune=False).with_evaluator("echo-score")


def test_a_run_can_be_resumed_after_any_write_failed(pipeline: Pipeline, registry: Registry, home: Path) -> None:
    """Whichever write fails: no endpoint is left, the ledger is right, and the resumed run has the same results."""
    runtime = Runtime(registry, home, offline=True, progress=Progress())
    expected = pipeline.run(store=MemoryStore(), registry=registry, progress=Progress()).leaderboards
    before = set(EchoEndpoint._serving)  # of other tests in this process
    for writes in range(200):
        store = FailingStore(writes)
        try:
            pipeline.run(store=store, registry=registry, progress=Progress())
        except StoreError:
            assert store.refused
        assert before == set(EchoEndpoint._serving), writes
        refused, store.writes_left = store.refused, 10_000

        if not list_runs(store):  # it failed before the run existed: nothing was created
            assert not [key for key in store.list("runs/") if "/ledger/" in key], writes
            continue
        result = resume("latest", store=store, registry=registry, progress=Progress())
        assert () == result.failures, writes
        assert _numbers(expected) == _numbers(result.leaderboards), writes
        # An endpoint whose deletion could not be noted is still in the ledger; `llmops gc` finds that it is gone.
        assert delete_leftovers(find_leftovers(store, runtime, Choice()), runtime, patience=1).clean, writes
        assert all(entry.deleted is not None for entry in result.run.ledger()), writes
        assert () == verify_run(result.run).damages, writes
        if not refused:
            return
    pytest.fail("the store never had writes enough")


def _numbers(boards: Sequence[Leaderboard]) -> list[object]:
    return [(cell.cell, cell.answered, cell.estimates) for board in boards for cell in board.cells]
