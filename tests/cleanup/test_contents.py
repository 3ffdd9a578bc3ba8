"""What a store holds: which run made or uses which artifact, and what each weighs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmops_sdk.cleanup.contents import read_contents
from llmops_sdk.cleanup.weight import stored_bytes
from llmops_sdk.record.local_store import LocalStore
from llmops_sdk.values.plan import PrepareStep

from .conftest import RunPipeline, keys

if TYPE_CHECKING:
    from llmops_sdk import Pipeline
    from llmops_sdk.record.stores import Store


def test_every_file_belongs_to_a_run_an_artifact_or_a_plan(pipeline: Pipeline, run: RunPipeline, store: Store) -> None:
    """Nothing is counted twice, and nothing is missing."""
    run(pipeline)
    contents = read_contents(store)

    listed = [key for weight in contents.weights for key in weight.keys]
    assert sorted(listed) == sorted(keys(store))
    if isinstance(store, LocalStore):
        inodes = {path.stat().st_ino: path.stat().st_size for path in store.root.rglob("*") if path.is_file()}
        assert sum(inodes.values()) - len(store.get("last-run.json") or b"") == stored_bytes(contents.weights)
    else:
        assert sum(len(store.get(key) or b"") for key in keys(store)) == stored_bytes(contents.weights)


def test_a_run_uses_all_artifacts_that_its_steps_read(pipeline: Pipeline, run: RunPipeline, store: Store) -> None:
    """Those of its records, and the answers to probes, which no record names."""
    result = run(pipeline)
    again = run(pipeline)
    contents = read_contents(store)

    kinds = {artifact.kind for artifact in contents.artifacts.values()}
    assert {"data", "model", "generations", "probes", "scores", "samples", "results"} == kinds
    assert set(contents.artifacts) <= contents.runs[result.run.id].addresses
    assert set(contents.artifacts) <= contents.runs[again.run.id].addresses
    assert {result.run.id} == {artifact.maker for artifact in contents.artifacts.values()}


def test_a_run_that_is_not_complete_is_known_by_its_steps(pipeline: Pipeline, run: RunPipeline, store: Store) -> None:
    """A step without a record, and one that failed; those of a complete run are none."""
    result = run(pipeline)
    assert frozenset() == read_contents(store).runs[result.run.id].unfinished

    result.run.clear_record("generate.quiet")

    stopped = read_contents(store).runs[result.run.id]
    assert (("generate.quiet",), frozenset({"generate"})) == (stopped.missing, stopped.unfinished)


def test_what_cannot_be_read_is_a_problem_of_its_run_alone(pipeline: Pipeline, run: RunPipeline, store: Store) -> None:
    """A damaged record of a step, and a missing plan."""
    broken, sound = run(pipeline), run(pipeline.with_generation(max_new_tokens=3))
    store.put(f"runs/{broken.run.id}/steps/compare.json", b"{")

    runs = read_contents(store).runs
    assert ("the record of step 'compare' is damaged", "") == (runs[broken.run.id].problem, runs[sound.run.id].problem)

    store.delete(f"plans/{broken.run.plan.hash}/")
    assert "is missing from the store" in read_contents(store).runs[broken.run.id].problem


def test_prepared_data_belong_to_the_plan_that_keeps_them(pipeline: Pipeline, run: RunPipeline, store: Store) -> None:
    """Their records stand beside the plan, for runs that are about to start."""
    result = run(pipeline)
    (step,) = (step.name for step in result.run.plan.steps if isinstance(step, PrepareStep))
    result.run.share_prepared(step)

    plan = read_contents(store).plans[result.run.plan.hash]
    assert plan.has_prepared
    assert [address for address in plan.addresses if address.startswith("data/")] == list(plan.addresses)
