"""Why a step ran or was reused: each state of a step, of runs of every kind."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from llmops_sdk import LocalStore, Progress, Run, SpecError, rescore, resume
from llmops_sdk.explain.explanation import explain_run, explain_step
from llmops_sdk.steps.heartbeat import HEARTBEAT
from llmops_sdk.values.step_records import Succeeded

from .conftest import RunPipeline, make_pipeline

if TYPE_CHECKING:
    from llmops_sdk import Pipeline
    from llmops_sdk.plugin.registry import Registry
    from llmops_sdk.record.stores import Store

STEP = "generate.quiet"


def test_the_first_run_has_nothing_to_be_compared_with(pipeline: Pipeline, run: RunPipeline) -> None:
    """Every step ran for that reason."""
    explained = explain_run(run(pipeline).run)

    assert {("ran", "there is no earlier run of pipeline 'echo' in the store")} == {
        (each.state, each.reason) for each in explained
    }
    assert "compare" == explained[-1].step


def test_a_reused_step_names_the_run_that_made_its_results(pipeline: Pipeline, run: RunPipeline, store: Store) -> None:
    """With its time; whether it is still in the store or not."""
    first, second = run(pipeline).run, run(pipeline).run

    explanation = explain_step(second, STEP)
    assert "reused" == explanation.state
    assert explanation.reason.startswith(f"all of its inputs are as they were in run {first.id} of 20")
    assert explanation.details[0].startswith("nothing changed of: the options of deployer 'echo-endpoint', ")
    assert first.id == explanation.compared_with

    store.delete(f"runs/{first.id}/")
    assert explain_step(second, STEP).reason.endswith(f"in run {first.id} (no longer in the store)")


def test_a_step_that_ran_again_names_what_changed(pipeline: Pipeline, run: RunPipeline) -> None:
    """In sentences: the reason, each input with its value before and after, and the run it is compared with."""
    first = run(pipeline)
    second = run(pipeline.with_generation(max_new_tokens=7))

    assert (
        f"{STEP} ran: the generation options changed since run {first.run.id}\n"
        "  the generation options: max_new_tokens 128 → 7\n"
        f"compared with run {first.run.id}, the run of pipeline 'echo' before it"
    ) == str(second.explain(STEP))


def test_the_reason_of_that_time_stays_when_the_earlier_run_is_gone(
    pipeline: Pipeline, run: RunPipeline, store: Store
) -> None:
    """What it was compared with cannot be read again."""
    first, second = run(pipeline).run, run(pipeline.with_generation(max_new_tokens=7)).run
    store.delete(f"runs/{first.id}/")

    explanation = explain_step(second, STEP)
    assert f"changed since run {first.id}: the generation options" == explanation.reason
    assert (f"run {first.id}, the one before, is no longer in the store",) == explanation.details


def test_a_fresh_step_names_the_option(pipeline: Pipeline, run: RunPipeline) -> None:
    """Nothing changed."""
    run(pipeline)

    explanation = explain_step(run(pipeline, "generate").run, STEP)
    assert ("ran", "--fresh asked for it, whatever earlier runs had made") == (explanation.state, explanation.reason)


def test_a_damaged_artifact_is_named_with_its_file(pipeline: Pipeline, run: RunPipeline, store: Store) -> None:
    """As the log of the step has it; of one that is gone there is nothing to name."""
    first = run(pipeline).run
    record = first.record(STEP)
    assert isinstance(record, Succeeded)
    file = f"artifacts/{record.artifacts['quiet.bare.lines']}/final/generations.jsonl"
    store.put(file, b"changed")

    explanation = explain_step(run(pipeline).run, STEP)
    assert f"what run {first.id} had made was damaged or gone" in explanation.reason
    assert f"{store.locate(file)!r} is damaged: it was changed, truncated or removed" in explanation.details[1]


def test_pending_records_are_a_reason(pipeline: Pipeline, run: RunPipeline, store: Store) -> None:
    """They failed for the time being."""
    import attrs

    first = run(pipeline).run
    second = run(pipeline).run
    for one, changes in ((first, {"pending": 3}), (second, {"cached": False})):
        record = one.record(STEP)
        assert isinstance(record, Succeeded)
        one.write_record(attrs.evolve(record, **changes))

    assert (
        f"run {first.id} had left 3 records pending, which failed for the time being"
        == explain_step(Run.open(store, second.id), STEP).reason
    )


def test_a_failure_names_its_cause_and_what_can_be_done(pipeline: Pipeline, run: RunPipeline) -> None:
    """The step itself, or the one that failed before it; and whether the earlier run had completed it."""
    first = run(pipeline).run
    failed = run(make_pipeline("mute")).run

    own = explain_step(failed, STEP)
    assert ("failed", f"run {first.id} had completed it") == (own.state, own.details[0])
    assert f"it is tried again by: llmops run --resume {failed.id}" == own.details[-1]
    then = explain_step(failed, "score.quiet.bare.lines")
    assert f"it could not run, because step '{STEP}' failed earlier: {own.reason}" == then.reason


def test_a_rescored_run_has_steps_of_the_run_it_is_based_on(
    pipeline: Pipeline, run: RunPipeline, store: Store, registry: Registry
) -> None:
    """Why they ran there is named, too; its own scores are explained as others are."""
    first = run(pipeline).run
    again = rescore(first.id, ["qa-accuracy"], store=store, registry=registry, progress=Progress()).run

    taken = explain_step(again, STEP)
    assert ("taken", f"this run scores the answers of run {first.id} again, and has its record of this step") == (
        taken.state,
        taken.reason,
    )
    assert ("there, it ran: there is no earlier run of pipeline 'echo' in the store",) == taken.details
    scored = explain_step(again, "score.quiet.bare.lines")
    assert {
        "the options of evaluator 'qa-accuracy'": "new",
        "what evaluator 'qa-accuracy' uses": "new",
    } == scored.changes


def test_a_resumed_run_knows_what_an_earlier_attempt_made(
    pipeline: Pipeline, run: RunPipeline, store: Store, registry: Registry
) -> None:
    """The step had been done when the run was stopped, but not recorded."""
    first = run(pipeline).run
    first.clear_record(STEP)
    resumed = resume(first.id, store=store, registry=registry, progress=Progress()).run

    explanation = explain_step(resumed, STEP)
    assert ("reused", "an earlier attempt of this run had made its results before it was stopped") == (
        explanation.state,
        explanation.reason,
    )


def test_a_step_without_a_record_is_running_stopped_or_waiting(
    pipeline: Pipeline, run: RunPipeline, store: Store
) -> None:
    """By its heartbeat, and by the steps it needs."""
    done = run(pipeline).run
    for step in (STEP, "score.quiet.bare.lines", "compare"):
        done.clear_record(step)
    HEARTBEAT.start(done, STEP, time.time())
    done.store.delete(f"runs/{done.id}/steps/score.quiet.bare.lines.started.json")
    done.store.delete(f"runs/{done.id}/steps/compare.started.json")

    running = explain_step(done, STEP)
    assert "running" == running.state
    assert running.reason.startswith(f"on {os.uname().nodename!r}, process {os.getpid()}, since ")
    HEARTBEAT.stop(done, STEP)
    waiting = explain_step(done, "score.quiet.bare.lines")
    assert ("waiting", f"it needs {STEP!r}") == (waiting.state, waiting.reason)

    key = f"runs/{done.id}/steps/{STEP}.started.json"
    from llmops_sdk.record.files import sealed_again

    store.put(key, sealed_again((store.get(key) or b"").replace(f'"pid":{os.getpid()}'.encode(), b'"pid":4194305')))
    stopped = explain_step(done, STEP)
    assert "stopped" == stopped.state
    assert stopped.reason.startswith(f"its process, 4194305 on {os.uname().nodename!r}, ended without a result")

    store.delete(key)
    assert ("waiting", "the run was stopped before") == (
        explain_step(done, STEP).state,
        explain_step(done, STEP).reason,
    )


def test_a_record_of_an_earlier_version_says_what_it_lacks(tmp_path: Path) -> None:
    """Version 0.1 recorded neither the inputs of steps nor the run before; its runs are explained as far as that goes."""
    folder = tmp_path / "old"
    shutil.copytree(Path(__file__).parents[1] / "record" / "schema1", folder)
    store = LocalStore(folder)
    old = Run.open(store, "old-20261129-034601-0718")
    half = Run.open(store, "half-20261129-034602-3c58")

    states = {each.step: each.state for each in explain_run(old)}
    assert "failed" == states["train.bad.bare.lines"]
    assert {"ran"} == {state for step, state in states.items() if "quiet" in step}
    assert "stopped" == explain_step(half, "generate.loud").state

    reused = [each for each in explain_run(half) if each.state == "reused"]
    assert all("did not record what decided a step" in each.details[0] for each in reused)


def test_an_unknown_step_is_a_mistake(pipeline: Pipeline, run: RunPipeline) -> None:
    """With a suggestion."""
    with pytest.raises(SpecError, match=r"has no step 'generate.quite'; did you mean 'generate.quiet'"):
        explain_step(run(pipeline).run, "generate.quite")
