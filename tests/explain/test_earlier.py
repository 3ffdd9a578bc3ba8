"""Which earlier run a step is compared with, and why that one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmops_sdk import Progress, Run, rescore
from llmops_sdk.explain.earlier import Earlier, EarlierRuns, find_earlier
from llmops_sdk.record.files import sealed
from llmops_sdk.record.runs import read_metadata
from llmops_sdk.values.serial import to_json

from .conftest import RunPipeline, make_pipeline

if TYPE_CHECKING:
    from llmops_sdk import Pipeline
    from llmops_sdk.plugin.registry import Registry
    from llmops_sdk.record.stores import Store

STEP = "generate.quiet"


def earlier_of(run: Run, step: str) -> Earlier:
    """Return what a step is compared with."""
    return find_earlier(EarlierRuns(run), step)


def test_it_is_the_run_before(pipeline: Pipeline, run: RunPipeline) -> None:
    """Of the same pipeline; of the first one there is none."""
    first, second = run(pipeline).run, run(pipeline).run

    earlier = earlier_of(second, STEP)
    assert earlier.step is not None
    assert (first.id, STEP) == (earlier.step.run.id, earlier.step.record.step)
    assert f"compared with run {first.id}, the run of pipeline 'echo' before it" == earlier.reason
    assert "there is no earlier run of pipeline 'echo' in the store" == earlier_of(first, STEP).reason


def test_a_run_that_did_not_complete_the_step_is_passed(pipeline: Pipeline, run: RunPipeline) -> None:
    """Whether it failed, was stopped or lacks the step; each is named."""
    first = run(pipeline).run
    failed = run(make_pipeline("mute")).run
    other = run(pipeline.with_model("echo", name="third", fine_tune=False)).run
    last = run(pipeline).run
    other.clear_record(STEP)

    earlier = earlier_of(last, STEP)
    assert earlier.step is not None
    assert first.id == earlier.step.run.id
    assert (
        f"compared with run {first.id}, the newest one before that completed it: "
        f"run {other.id} did not complete it; run {failed.id} failed at it"
    ) == earlier.reason
    assert f"run {first.id} does not have it" in earlier_of(other, "generate.third").reason
    assert (
        f"run {failed.id} did not get to it: step 'generate.quiet' failed"
        in earlier_of(other, "score.quiet.bare.lines").reason
    )


def test_a_rescored_run_is_compared_with_the_one_it_is_based_on(
    pipeline: Pipeline, run: RunPipeline, store: Store, registry: Registry
) -> None:
    """Although another run came between."""
    first = run(pipeline).run
    run(pipeline)
    again = rescore(first.id, ["qa-accuracy"], store=store, registry=registry, progress=Progress()).run

    assert (
        f"compared with run {first.id}, whose answers it scores again"
        == earlier_of(again, "score.quiet.bare.lines").reason
    )


def test_without_the_run_before_the_newest_of_the_pipeline_counts(
    pipeline: Pipeline, run: RunPipeline, store: Store
) -> None:
    """It was freed, or the version that recorded the run did not note it."""
    first, second, third = (run(pipeline).run for _ in range(3))
    store.delete(f"runs/{second.id}/")
    reason = f"compared with run {first.id}, the newest run of pipeline 'echo' before it in the store"
    assert reason == earlier_of(third, STEP).reason

    metadata = {**to_json(read_metadata(store, third.id)), "previous": ""}
    store.put(f"runs/{third.id}/run.json", sealed(metadata))
    assert reason == earlier_of(Run.open(store, third.id), STEP).reason
    store.delete(f"runs/{first.id}/")
    assert f"run {second.id}, the one before, is no longer in the store" == earlier_of(third, STEP).reason
