"""The interface of executors: creating and resuming a run."""

from __future__ import annotations

import time

import pytest

from llmops_sdk import Pipeline, Progress, SpecError
from llmops_sdk.plugin import Executor, Failed, Run as RunRecord, Runtime, Succeeded
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.stores import Store

from . import conftest


class Idle(Executor):
    """Runs nothing."""

    def execute(self, run: RunRecord, runtime: Runtime) -> None:
        """Do nothing."""


@pytest.fixture(name="runtime")
def _runtime(registry: Registry, home: object) -> Runtime:
    return Runtime(registry, home, progress=Progress())  # type: ignore[arg-type]


def test_a_resumed_run_has_only_complete_steps(two_models: Pipeline, run: conftest.Run, runtime: Runtime) -> None:
    """Steps that failed, that have something pending, and those that need one of them are run again."""
    result = run(two_models)
    record = result.run.record("generate.quiet")
    assert isinstance(record, Succeeded)
    result.run.write_record(Succeeded("generate.quiet", record.artifacts, False, 1.0, 1.0, pending=2))
    lost = "score.loud.bare.lines"
    result.run.write_record(Failed(lost, "lost", "", lost, time.time(), 0.0))

    Idle(None).resume(result.run, runtime)

    remaining = [step.name for step in result.run.plan.steps if result.run.record(step.name) is not None]
    assert ["prepare.lines", "train.loud.bare.lines", "generate.loud.bare.lines"] == remaining


def test_a_resumed_run_does_what_is_missing(
    two_models: Pipeline, run: conftest.Run, resumed: conftest.Resume, asked: list[str]
) -> None:
    """The missing steps only; no model is asked again, and the run is the same."""
    result = run(two_models.with_model("echo", name="late", voice="late", fine_tune=False))
    result.run.clear_record("score.late.bare.lines")
    result.run.clear_record("compare")
    asked.clear()

    again = resumed(result)

    assert again.run.id == result.run.id
    assert [] == asked
    assert 3 == len(again.leaderboards[0].cells)


def test_a_run_is_created_in_the_users_store(
    pipeline: Pipeline, store: Store, registry: Registry, runtime: Runtime
) -> None:
    """Unless the executor has another one."""
    plan = pipeline.build(registry)

    run = Idle(None).create_run(plan, store, runtime)

    assert run.plan == RunRecord.open(store, run.id).plan == plan


def test_an_executor_on_this_machine_compiles_nothing(pipeline: Pipeline, registry: Registry, runtime: Runtime) -> None:
    """The plan is run as it is; the error names the command that shows it."""
    with pytest.raises(SpecError, match="executor 'local' runs the plan as it is; show it with: llmops plan"):
        Idle(None).compile(pipeline.build(registry), runtime)
