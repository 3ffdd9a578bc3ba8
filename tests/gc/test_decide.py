"""Deciding which leftovers are deleted: not those of running steps, resumable training jobs or unexpired ones."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import Run
from llmops_sdk.gc.find import find_leftovers
from llmops_sdk.gc.leftover import Choice
from llmops_sdk.plugin import Resource, Runtime, TaggedResource
from llmops_sdk.record.local_store import LocalStore
from llmops_sdk.testing import EchoEndpoint, InstantEndpoint
from llmops_sdk.values.serial import canonical
from llmops_sdk.values.step_records import Failed

from .collecting import collect, statuses
from .conftest import DAY, STEP, Cloud, WaitingModel

THIS_HOST, NO_PROCESS = platform.node(), 2**22 + 1  # no process has so large a number


@pytest.mark.parametrize(
    ("started", "running"),
    [
        (None, False),
        ({"host": THIS_HOST, "pid": os.getpid(), "ago": 5}, True),
        ({"host": THIS_HOST, "pid": os.getpid(), "ago": 600}, False),
        ({"host": THIS_HOST, "pid": NO_PROCESS, "ago": 5}, False),
        ({"host": "another-host", "pid": NO_PROCESS, "ago": 5}, True),
        ({"host": "another-host", "pid": NO_PROCESS, "ago": 600}, False),
        ({"host": "clock-ahead", "pid": NO_PROCESS, "ago": -60}, True),
    ],
)
def test_a_recent_heartbeat_means_running(
    started: Mapping[str, Any] | None, *, running: bool, run: Run, runtime: Runtime
) -> None:
    """A step with a recent heartbeat is running, unless its process was on this machine and is gone."""
    if started:
        now = time.time()
        seen = now - started["ago"]
        mark = {
            "started_at": now - 900,
            "heartbeat": seen,
            "step": STEP,
            "host": started["host"],
            "pid": started["pid"],
        }
        run.store.put(f"runs/{run.id}/steps/{STEP}.started.json", canonical(mark))

    leftovers = find_leftovers(run.store, runtime, Choice())

    assert ["skip" if running else "delete"] * 2 == [item.status for item in leftovers.items]


def test_resources_of_a_running_step_are_skipped(
    start: Callable[..., subprocess.Popen[bytes]], things: Path, runtime: Runtime, tmp_path: Path
) -> None:
    """Of two real runs, the killed one's resources are deleted; the running one's only with force."""
    first, second = WaitingModel(), WaitingModel()
    endpoints, store = [InstantEndpoint(first), InstantEndpoint(second)], LocalStore(tmp_path / "runs")
    try:
        killed = start(endpoints[0].url)
        assert first.asked.wait(60)
        running = start(endpoints[1].url)  # now the folder has files, which are part of the key: it shares no answers
        assert second.asked.wait(60)
        killed.send_signal(signal.SIGKILL)
        killed.wait()

        leftovers = collect(store, runtime)
        assert ["deleted", "deleted", "skip", "skip"] == [item.status for item in leftovers.items]
        reason = f"step {STEP!r} is running on {platform.node()!r}, process {running.pid}"
        assert reason == leftovers.items[-1].reason
        assert leftovers.clean
        assert 2 == len(list(things.iterdir()))

        assert [("thing", "deleted"), ("config", "deleted")] == statuses(collect(store, runtime, force=True))
        assert [] == list(things.iterdir())
        second.release.set()
        assert 0 == running.wait(60)
    finally:
        for answer, endpoint in zip((first, second), endpoints, strict=True):
            answer.release.set()
            endpoint.close()


def test_a_training_job_that_a_resumed_run_can_continue_is_skipped(
    start: Callable[..., subprocess.Popen[bytes]], things: Path, runtime: Runtime, tmp_path: Path
) -> None:
    """The reason names the command that resumes the run; an age or force deletes the job."""
    store = LocalStore(tmp_path / "runs")
    client = start(fine_tune=True)
    deadline = time.monotonic() + 60
    while not list(things.iterdir()):
        assert time.monotonic() < deadline
        assert client.poll() is None
        time.sleep(0.05)
    client.send_signal(signal.SIGKILL)
    client.wait()

    (job,) = collect(store, runtime).items
    assert ("job", "skip") == (job.resource.kind, job.status)
    assert f"llmops run --resume {job.run_id}" in job.reason
    assert [("job", "skip")] == statuses(collect(store, runtime, older_than=3600))
    assert [("job", "delete")] == statuses(find_leftovers(store, runtime, Choice(force=True)))
    assert [("job", "deleted")] == statuses(collect(store, runtime, older_than=0))
    assert [] == list(things.iterdir())


def test_resources_of_a_failed_step_are_deleted(run: Run, runtime: Runtime) -> None:
    """A step with a record has ended, although the process that ran it still sends heartbeats for others."""
    run.write_started(STEP, time.time())
    run.write_record(Failed(STEP, "could not be deleted", "", STEP, time.time(), 1.0))

    assert {"its step failed"} == {item.reason for item in collect(run.store, runtime).items}


def test_with_an_age_only_older_resources_are_deleted(run: Run, runtime: Runtime) -> None:
    """A younger one is skipped."""
    assert {"skip"} == {item.status for item in collect(run.store, runtime, older_than=3600).items}
    assert {"deleted"} == {item.status for item in collect(run.store, runtime, older_than=0).items}


def test_a_kept_resource_is_deleted_only_with_force_and_its_run(run: Run, runtime: Runtime, things: Path) -> None:
    """A resource that a step kept as the user wished is listed and skipped, however old it is."""
    for kind in ("config", "thing"):
        run.mark_kept(Resource(kind, "name"), STEP)

    for choice in ({}, {"older_than": 0}, {"force": True}, {"run_id": run.id}):
        leftovers = collect(run.store, runtime, **choice)
        assert [("thing", "skip"), ("config", "skip")] == statuses(leftovers)
        assert leftovers.clean
    assert f"kept (still billed); delete it with: llmops gc --run {run.id} --force" == leftovers.items[0].reason
    never = collect(run.store, runtime, run_id=run.id, force=True, skip_kept=True)
    assert {"skip"} == {item.status for item in never.items}
    assert 2 == len(list(things.iterdir()))

    forced = collect(run.store, runtime, run_id=run.id, force=True)
    assert [("thing", "deleted"), ("config", "deleted")] == statuses(forced)
    assert [] == list(things.iterdir())
    assert () == collect(run.store, runtime).items


def test_a_damaged_entry_of_a_run_that_keeps_is_taken_for_kept(
    run: Run, runtime: Runtime, things: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the user wished to keep it is not known; where no deployer keeps anything, it is deleted."""
    run.store.put(f"runs/{run.id}/ledger/thing.name.json", b"")
    monkeypatch.setattr(EchoEndpoint, "keeps", property(lambda _: True))

    for choice in ({}, {"force": True}, {"run_id": run.id}, {"run_id": run.id, "force": True, "skip_kept": True}):
        damaged = collect(run.store, runtime, **choice).items[-1]
        assert ("thing", "skip") == (damaged.resource.kind, damaged.status)
    assert (
        "its entry in the ledger is damaged, and it may be kept (still billed); "
        f"delete it with: llmops gc --run {run.id} --force"
    ) == damaged.reason
    assert (things / "thing.name").exists()

    monkeypatch.undo()
    assert "deleted" == collect(run.store, runtime).items[-1].status
    assert not (things / "thing.name").exists()


def test_a_failed_step_keeps_nothing(run: Run, runtime: Runtime) -> None:
    """Only a step that succeeded may keep a resource."""
    run.mark_kept(Resource("thing", "name"), STEP)
    run.write_record(Failed(STEP, "the store is full", "", STEP, time.time(), 1.0))

    assert {"its step failed"} == {item.reason for item in collect(run.store, runtime).items}


def test_tagged_resources_are_deleted_once_they_have_expired(cloud: Cloud, run: Run, runtime: Runtime) -> None:
    """Unexpired ones and those in use are skipped, each with its reason."""
    leftovers = {
        item.resource.name: item for item in collect(run.store, runtime).items if item.resource.kind == "thing"
    }

    expected = {
        "expired": "deleted",
        "young": "skip",
        "old": "skip",
        "eternal": "skip",
        "used": "skip",
        "name": "deleted",
    }
    assert expected == {name: item.status for name, item in leftovers.items()}
    assert "1 x large" == leftovers["expired"].billed
    assert "expired 1 d ago" == leftovers["expired"].reason
    assert "expires in 1.5 d; delete it earlier with --older-than" == leftovers["old"].reason
    assert "never expires; delete it earlier with --older-than" == leftovers["eternal"].reason
    assert "execution 'lost' is running" == leftovers["used"].reason
    assert Resource("thing", "expired") not in cloud.resources


def test_with_an_age_the_expiry_does_not_matter(cloud: Cloud, run: Run, runtime: Runtime) -> None:
    """Older resources are deleted, expired or not; those in use are skipped."""
    leftovers = collect(run.store, runtime, older_than=DAY)

    deleted = {item.resource.name for item in leftovers.items if item.status == "deleted"}
    assert {"expired", "old", "eternal"} == deleted
    assert {Resource("thing", name) for name in ("young", "used", "name")} == set(cloud.resources)


def test_a_tagged_resource_of_a_running_step_is_skipped(cloud: Cloud, run: Run, runtime: Runtime) -> None:
    """It is skipped although the ledger of its run does not have it."""
    unknown = Resource("thing", "unknown")
    cloud.resources = {unknown: TaggedResource(unknown, run.id, STEP, time.time() - DAY, 0.0)}
    run.write_started(STEP, time.time())

    leftovers = collect(run.store, runtime)

    assert {"skip"} == {item.status for item in leftovers.items}
