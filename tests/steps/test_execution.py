"""`StepExecution`: artifacts are built once, also between threads, and complete ones are reused."""

from __future__ import annotations

import logging
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from llmops_sdk import LocalStore, Pipeline, Progress, Run
from llmops_sdk.errors import RecordError
from llmops_sdk.plugin import Artifact, Runtime
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.stores import Store
from llmops_sdk.steps.execution import StepExecution
from llmops_sdk.values.artifacts import SamplesValue


class Log(Progress):
    """Keeps the lines that are logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        """Keep a line."""
        self.lines.append(text)


def make_execution(
    pipeline: Pipeline, registry: Registry, store: Store, home: Path, progress: Progress
) -> StepExecution:
    """Make the execution of a step of a new run."""
    run = Run.create(store, pipeline.build(registry))
    runtime = Runtime(registry, home, progress=progress)
    return StepExecution(run, "score.echo.bare.lines", runtime, logging.getLogger("test"), time.time())


@pytest.fixture(name="execution")
def _execution(pipeline: Pipeline, registry: Registry, store: Store, home: Path) -> StepExecution:
    return make_execution(pipeline, registry, store, home, Progress())


def test_an_artifact_is_built_once(execution: StepExecution) -> None:
    """The second time it is reused, with its value and files."""

    def build(folder: Path) -> SamplesValue:
        (folder / "file").write_text("text", encoding="utf-8")
        return SamplesValue(3)

    first = execution.build_artifact("samples/1f", build)
    second = execution.build_artifact("samples/1f", build)

    assert [False, True] == [first.cached, second.cached]
    assert SamplesValue(3) == second.artifact.read(SamplesValue)
    with execution.run.artifact_folder("samples/1f") as folder:
        assert "text" == (folder / "file").read_text(encoding="utf-8")


def test_an_incomplete_artifact_is_built_again(execution: StepExecution) -> None:
    """Until the check accepts it."""

    def has_two(artifact: Artifact) -> bool:
        return bool(artifact.read(SamplesValue) == SamplesValue(2))

    built = [
        execution.build_artifact("samples/1f", partial(_samples, records), complete=has_two) for records in (1, 2, 3)
    ]

    assert [False, False, True] == [one.cached for one in built]


def _samples(records: int, _folder: Path) -> SamplesValue:
    return SamplesValue(records)


def test_an_interrupted_attempt_leaves_its_files_to_the_next_one(execution: StepExecution) -> None:
    """A checkpoint is in the folder of the next attempt; the artifact is not finished before."""

    def interrupted(folder: Path) -> SamplesValue:
        (folder / "checkpoint").write_text("1", encoding="utf-8")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execution.build_artifact("samples/1f", interrupted)
    assert execution.run.artifact("samples/1f") is None

    def resumed(folder: Path) -> SamplesValue:
        return SamplesValue(int((folder / "checkpoint").read_text(encoding="utf-8")))

    assert SamplesValue(1) == execution.build_artifact("samples/1f", resumed).artifact.read(SamplesValue)


def test_two_runs_do_not_build_the_same_at_the_same_time(
    pipeline: Pipeline, registry: Registry, home: Path, tmp_path: Path
) -> None:
    """The second one waits, logs it, and reuses what the first one built."""
    store, log = LocalStore(tmp_path / "runs"), Log()
    first = make_execution(pipeline, registry, store, home, Progress())
    second = make_execution(pipeline, registry, store, home, log)
    started, released = threading.Event(), threading.Event()

    def build(_folder: Path) -> SamplesValue:
        started.set()
        assert released.wait(20)
        return SamplesValue(1)

    thread = threading.Thread(target=first.build_artifact, args=("samples/1f", build))
    thread.start()
    assert started.wait(20)
    threading.Timer(0.2, released.set).start()

    built = second.build_artifact("samples/1f", lambda _: SamplesValue(2))

    thread.join()
    assert built.cached
    assert SamplesValue(1) == built.artifact.read(SamplesValue)
    assert ["score.echo.bare.lines: waiting for another run that makes the same"] == log.lines


def test_an_artifact_that_is_gone_is_an_error(execution: StepExecution) -> None:
    """It names the step that made it."""
    with pytest.raises(
        RecordError, match=r"what step 'prepare\.lines' made is gone; make it again with: llmops run --"
    ):
        execution.artifact_of("prepare.lines", "data")
