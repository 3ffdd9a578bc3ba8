"""The list of runs, as it is printed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from llmops_sdk import Pipeline, Run
from llmops_sdk.cli.output.runs import list_states, show_runs
from llmops_sdk.testing import MemoryStore
from llmops_sdk.values.step_records import Failed, Succeeded

if TYPE_CHECKING:
    import pytest

    from llmops_sdk.plugin.registry import Registry


def test_the_state_of_a_run(registry: Registry) -> None:
    """It has not finished until it has results, unless a step failed."""
    pipeline = Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    plan, store = pipeline.with_model("echo", fine_tune=False).build(registry), MemoryStore()
    run, now = Run.create(store, plan), time.time()

    (state,), _ = list_states(store)
    assert (4, 0, "not finished") == (state.steps, state.ended, state.text)
    run.write_record(Succeeded("prepare.lines", {}, cached=False, at=now, seconds=1.0))
    run.write_record(Failed("generate.echo", "no room", "", "generate.echo", now, 1.0))
    (state,), _ = list_states(store)
    assert (2, "1 step failed") == (state.ended, state.text)
    assert {"run": run.id, "steps": 4, "steps_ended": 2, "state": "1 step failed"}.items() <= state.json.items()


def test_runs_are_printed_newest_last(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """One line each."""
    pipeline = Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    plan, store = pipeline.with_model("echo", fine_tune=False).build(registry), MemoryStore()
    ids = [Run.create(store, plan, run_id=name).id for name in ("second", "first")]

    show_runs(list_states(store)[0])

    head, *lines = capsys.readouterr().out.splitlines()
    assert ["run", "created", "(UTC)", "steps", "state"] == head.split()
    assert ids == [line.split()[0] for line in lines]
