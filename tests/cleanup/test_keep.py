"""Why a run must not be freed: it is running, or its resources may still exist."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from llmops_sdk import StoreError
from llmops_sdk.cleanup.contents import StoredRun, read_contents
from llmops_sdk.plugin import Resource
from llmops_sdk.steps.heartbeat import HEARTBEAT, in_progress

from .conftest import Cleaner, RunPipeline

if TYPE_CHECKING:
    import pytest

    from llmops_sdk import Pipeline, Run


def why_kept(cleaner: Cleaner, run: Run) -> str:
    """Return why a run is not freed."""
    return cleaner.checks.why_kept(read_contents(cleaner.store).runs[run.id], is_named=True)


def test_a_run_is_running_while_a_process_works_on_it(pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner) -> None:
    """Between its steps and while reporters are called, too."""
    done = run(pipeline).run
    assert "" == why_kept(cleaner, done)

    with in_progress(done):
        assert f"it is running on {os.uname().nodename!r}, process {os.getpid()}" == why_kept(cleaner, done)

    assert "" == why_kept(cleaner, done)


def test_a_run_is_running_while_a_step_of_it_is(pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner) -> None:
    """On SageMaker there is no other sign of it; a process that is gone is none."""
    done = run(pipeline).run
    done.clear_record("generate.quiet")
    assert "" == why_kept(cleaner, done)

    HEARTBEAT.start(done, "generate.quiet", time.time())
    assert why_kept(cleaner, done).startswith("its step 'generate.quiet' is running on")
    assert "" == why_kept(cleaner.later(200), done)  # it has no heartbeat any longer

    HEARTBEAT.stop(done, "generate.quiet")
    assert "" == why_kept(cleaner, done)


def test_a_killed_process_runs_nothing(pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner) -> None:
    """Although its last heartbeat is young."""
    done = run(pipeline).run
    done.write_started("", time.time())
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    key = f"runs/{done.id}/running.json"
    text = (cleaner.store.get(key) or b"").replace(f'"pid":{os.getpid()}'.encode(), f'"pid":{process.pid}'.encode())
    from llmops_sdk.record.files import sealed_again

    cleaner.store.put(key, sealed_again(text))

    assert "" == why_kept(cleaner, done)


def test_resources_are_deleted_first(pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner) -> None:
    """Nobody would find them without the ledger; those that the user kept, too. The command is named."""
    done = run(pipeline).run
    done.add_resource(Resource("endpoint", "name"), "generate.quiet")
    reason = why_kept(cleaner, done)
    assert f"(endpoint name); delete them first with: llmops gc --run {done.id}" in reason

    done.mark_kept(Resource("endpoint", "name"), "generate.quiet")
    assert why_kept(cleaner, done).endswith(f"llmops gc --run {done.id} --force")

    done.mark_deleted(Resource("endpoint", "name"), "generate.quiet")
    assert "" == why_kept(cleaner, done)


def test_a_service_that_still_works_on_it_is_asked(
    pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a run that is not complete; where the service cannot be asked, the run is kept."""
    done = run(pipeline).run
    executor = type(cleaner.runtime.registry.make("executor", "local", {}))
    monkeypatch.setattr(executor, "is_running", lambda *_: True, raising=False)
    assert "" == why_kept(cleaner, done)

    done.clear_record("compare")
    assert "it is running on executor 'local'" == why_kept(cleaner, done)

    def refuse(*_: object) -> bool:
        message = "no credentials"
        raise StoreError(message)

    monkeypatch.setattr(executor, "is_running", refuse, raising=False)
    assert "whether it is running on executor 'local' cannot be found out: no credentials" == why_kept(cleaner, done)


def test_a_run_that_was_just_created_is_about_to_start(pipeline: Pipeline, cleaner: Cleaner) -> None:
    """Ten seconds later without any step, it is not."""
    from llmops_sdk import Run

    created = Run.create(cleaner.store, pipeline.build(cleaner.runtime.registry))

    assert "it is about to start" == why_kept(cleaner, created)
    assert "" == why_kept(cleaner.later(20), created)


def test_a_run_that_cannot_be_read_is_freed_only_by_its_name(
    pipeline: Pipeline, run: RunPipeline, cleaner: Cleaner
) -> None:
    """What is in it is not known; the command is named."""
    done = run(pipeline).run
    cleaner.store.put(f"runs/{done.id}/run.json", b"{")
    stored: StoredRun = read_contents(cleaner.store).runs[done.id]

    assert cleaner.checks.why_kept(stored).endswith(f"to free it all the same: llmops clean {done.id}")
    assert "" == cleaner.checks.why_kept(stored, is_named=True)
