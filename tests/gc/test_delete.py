"""Deleting leftovers: busy ones are retried, and one that fails stops no other."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from llmops_sdk import Run
from llmops_sdk.gc.delete import delete_leftovers
from llmops_sdk.gc.find import find_leftovers
from llmops_sdk.gc.leftover import Choice
from llmops_sdk.plugin import Runtime
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.local_store import LocalStore
from llmops_sdk.testing import InstantEndpoint

from .collecting import collect, statuses
from .conftest import STEP, WaitingModel


def test_resources_of_a_killed_run_are_deleted_once(
    start: Callable[..., subprocess.Popen[bytes]], things: Path, runtime: Runtime, tmp_path: Path
) -> None:
    """After kill -9 they are found, deleted by the plugin that created them, and not found again."""
    model = WaitingModel()
    endpoint, store = InstantEndpoint(model), LocalStore(tmp_path / "runs")
    try:
        client = start(endpoint.url)
        assert model.asked.wait(60)
        assert ["config", "thing"] == sorted(path.name.split(".")[0] for path in things.iterdir())
        client.send_signal(signal.SIGKILL)
        client.wait()

        leftovers = find_leftovers(store, runtime, Choice())
        assert [("thing", "delete"), ("config", "delete")] == statuses(leftovers)
        assert {"no process is running its step"} == {item.reason for item in leftovers.items}
        assert not leftovers.clean
        assert 2 == len(list(things.iterdir()))

        deleted = collect(store, runtime)
    finally:
        model.release.set()
        endpoint.close()

    assert [("thing", "deleted"), ("config", "deleted")] == statuses(deleted)
    assert deleted.clean
    assert [] == list(things.iterdir())
    assert all(entry.deleted for entry in Run.open(store, "latest").ledger())
    assert () == collect(store, runtime).items


def test_a_step_that_starts_before_the_deletion_keeps_its_resources(run: Run, runtime: Runtime, things: Path) -> None:
    """A run that is resumed between search and deletion loses nothing."""
    leftovers = find_leftovers(run.store, runtime, Choice())
    run.write_started(STEP, time.time())

    done = delete_leftovers(leftovers, runtime, patience=0.1)

    assert ["failed", "failed"] == [item.status for item in done.items]
    assert "is running on" in done.items[0].error
    assert 2 == len(list(things.iterdir()))


@pytest.mark.parametrize("refusal", ["busy", "refused", "broken"])
def test_a_deletion_that_fails_once_is_retried(refusal: str, run: Run, runtime: Runtime, things: Path) -> None:
    """Whatever error it raised, the others are deleted, and then it is."""
    (things / "refuse.thing").write_text(f"{refusal} 2", encoding="utf-8")

    done = collect(run.store, runtime)

    assert ["deleted", "deleted"] == [item.status for item in done.items]
    assert ["", ""] == [item.error for item in done.items]
    assert [] == list(things.iterdir())


def test_a_resource_that_stays_busy_is_left_with_those_it_may_use(run: Run, runtime: Runtime, things: Path) -> None:
    """When the patience is over, its step's earlier resources were not touched, and the ledger has all of them."""
    (things / "refuse.thing").write_text("busy 1000000", encoding="utf-8")

    done = collect(run.store, runtime)

    assert [("thing", "failed"), ("config", "failed")] == statuses(done)
    assert ["busy now", "waiting for thing 'name'"] == [item.error for item in done.items]
    assert not done.clean
    (things / "refuse.thing").unlink()
    assert collect(run.store, runtime).clean


def test_a_deletion_that_keeps_failing_is_tried_three_times(run: Run, runtime: Runtime, things: Path) -> None:
    """A missing permission is not waited for; the other resources are deleted."""
    (things / "refuse.thing").write_text("broken 1000", encoding="utf-8")

    done = delete_leftovers(find_leftovers(run.store, runtime, Choice()), runtime, patience=60)

    assert [("thing", "failed"), ("config", "deleted")] == statuses(done)
    assert "ValueError: broken now" == done.items[0].error
    assert "broken 997" == (things / "refuse.thing").read_text(encoding="utf-8")


def test_a_resource_whose_plugin_is_missing_is_reported(run: Run, home: Path) -> None:
    """It is not deleted, and the error names what is missing."""
    done = collect(run.store, Runtime(Registry(), home))

    assert {"no deployer is called 'thing-endpoint'"} == {item.error.split(";")[0] for item in done.items}
    assert not done.clean
