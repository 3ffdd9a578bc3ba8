"""A step in a child process: its record, its progress, and what is reported when it dies."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from llmops_sdk import LocalStore, Pipeline, Progress, Run
from llmops_sdk.plugin import Child, Failed, Runtime, Succeeded, run_step
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.layout import ArtifactLayout

STEP = "prepare.train"


@pytest.fixture(name="run")
def _run(home: Path, tmp_path: Path) -> Run:  # noqa: ARG001 - nothing is cached outside the test
    """A run of installed plugins only: the child loads them itself."""
    train = tmp_path / "train.jsonl"
    records = [{"instruction": "repeat", "context": text, "response": text.upper()} for text in "ab"]
    train.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    pipeline = (
        Pipeline.builder("child")
        .with_dataset("jsonl", path=str(train), test_fraction=0.5)
        .with_prompt("template", prompt="{context}", completion="{response}")
        .with_model("smollm2", fine_tune=False)
        .with_evaluator("text-metrics", metrics=["token_f1"])
    )
    return Run.create(LocalStore(tmp_path / "runs"), pipeline.build(offline=True))


@pytest.fixture(name="runtime")
def _runtime(home: Path) -> Runtime:
    return Runtime(Registry.load(), home, offline=True, progress=Progress())


def test_a_child_runs_a_step(run: Run, runtime: Runtime) -> None:
    """Its record is in the store, as if the step had run in this process."""
    record = Child(run, STEP, runtime).wait()

    assert isinstance(record, Succeeded)
    assert record == Run.open(run.store, run.id).record(STEP)


def test_a_child_that_fails_at_its_start_has_a_record_with_its_last_log_lines(run: Run, runtime: Runtime) -> None:
    """It ended without a record: the error has the exit code, the last log lines and the log's location."""
    record = Child(run, "no-such-step", runtime).wait()

    assert isinstance(record, Failed)
    assert "the process of step 'no-such-step' ended with code 1; last log lines: " in record.error
    assert "KeyError" in record.error
    assert record.error.endswith(f"(log: {run.log_location('no-such-step')})")


class Waiting(Progress):
    """Does something once the child waits for the lock of its artifact."""

    def __init__(self, react: Callable[[], None]) -> None:
        self._react = react

    def log(self, text: str) -> None:
        """React."""
        if "waiting for another run" in text:
            self._react()


@pytest.fixture(name="locked")
def _locked(run: Run, runtime: Runtime) -> Iterator[None]:
    """The artifact that the step makes is missing and locked: the step waits."""
    record = run_step(run, STEP, runtime)
    assert isinstance(record, Succeeded)
    prefix = ArtifactLayout(record.artifacts["data"]).prefix
    run.store.delete(f"{prefix}/")
    run.clear_record(STEP)
    with run.store.claim(prefix):
        yield


@pytest.mark.usefixtures("locked")
def test_a_killed_child_has_a_record(run: Run, runtime: Runtime) -> None:
    """With the signal, and for SIGKILL the likely reason."""
    progress = Waiting(lambda: os.kill(child._process.pid, signal.SIGKILL))
    child = Child(run, STEP, attrs.evolve(runtime, progress=progress))

    record = child.wait()

    assert isinstance(record, Failed)
    assert "was killed by SIGKILL; the system may have run out of memory" in record.error


@pytest.mark.usefixtures("locked")
def test_ctrl_c_in_the_parent_stops_the_child(run: Run, runtime: Runtime) -> None:
    """The child ends without a record: the step runs again later."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    child = Child(run, STEP, attrs.evolve(runtime, progress=Waiting(interrupt)))

    with pytest.raises(KeyboardInterrupt):
        child.wait()

    assert child._process.poll() is not None
    assert run.record(STEP) is None
