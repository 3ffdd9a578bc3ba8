"""Running a plan: artifacts are made once, failures stay in their cell, and a stopped run goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmops_sdk import Pipeline, Result
from llmops_sdk.pipeline.execution import resume
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.progress import Progress
from llmops_sdk.record.local_store import LocalStore
from llmops_sdk.record.stores import Store
from llmops_sdk.testing import EchoEndpoint, MemoryStore
from llmops_sdk.values.prompts import TextPrompt
from llmops_sdk.values.step_records import Failed, Succeeded


@pytest.fixture(name="store", params=["local", "memory"])
def _store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Each promise of the record holds on a disk and on an object store without append."""
    return LocalStore(tmp_path / "runs") if request.param == "local" else MemoryStore()


@pytest.fixture(name="pipeline")
def _pipeline(home: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    """A base model that is wrong and a tuned one that is right, on ten test records."""
    return (
        Pipeline.builder("echo")
        .with_dataset("lines")
        .with_prompt("bare")
        .with_model("echo", name="quiet", voice="quiet", fine_tune=False)
        .with_model("echo", name="loud")
        .with_evaluator("echo-score")
    )


def run(pipeline: Pipeline, store: Store, registry: Registry) -> Result:
    """Run in silence."""
    return pipeline.run(store=store, registry=registry, progress=Progress())


def test_a_run_concludes(pipeline: Pipeline, store: Store, registry: Registry) -> None:
    """All steps succeed; the tuned model wins; the samples hold every record with its prompt, output and scores."""
    result = run(pipeline, store, registry)

    assert "loud" == result.decision().best
    assert result.decision().settled
    board = result.leaderboards[0]
    assert [("loud", 1.0), ("quiet", 0.0)] == [(cell.candidate, cell.estimates["exact"].mean) for cell in board.cells]
    samples = list(result.run.samples("loud.bare.lines"))
    assert list(range(10)) == [sample.index for sample in samples]
    assert all(sample.output == sample.record["response"] for sample in samples)
    assert all(TextPrompt(sample.record["context"]) == sample.prompt for sample in samples)
    assert all(sample.scores["exact"] == 1.0 for sample in samples)
    assert store.get(f"runs/{result.run.id}/report.html") is not None


def test_a_metric_without_a_better_end(pipeline: Pipeline, store: Store, registry: Registry) -> None:
    """It is compared, as more and less; it changes neither the order nor the verdict."""
    result = run(pipeline.with_evaluator("text-metrics", metrics=["length_ratio"]), store, registry)

    board = result.leaderboards[0]
    assert "exact" == board.metric
    (gap,) = [difference for difference in board.differences if difference.metric == "length_ratio"]
    assert (0, 0) == (gap.better, gap.worse)
    page = (store.get(f"runs/{result.run.id}/report.html") or b"").decode()
    assert "← less" in page
    assert "0 less, 0 more" in page


def test_nothing_is_made_twice(pipeline: Pipeline, store: Store, registry: Registry, asked: list[str]) -> None:
    """The same pipeline again asks nothing and trains nothing, and concludes the same."""
    first = run(pipeline, store, registry)
    count = len(asked)

    second = run(pipeline, store, registry)

    assert count == len(asked) == 20
    records = [second.run.record(step.name) for step in second.run.plan.steps[:-1]]
    assert all(isinstance(record, Succeeded) and record.cached for record in records)
    assert [cell.estimates for cell in first.leaderboards[0].cells] == [
        cell.estimates for cell in second.leaderboards[0].cells
    ]


def test_only_what_changed_is_made(pipeline: Pipeline, store: Store, registry: Registry, asked: list[str]) -> None:
    """A new evaluator costs no request; a new prompt on a base model costs its own requests and no training."""
    run(pipeline, store, registry)
    asked.clear()

    more = run(pipeline.with_metric("noise"), store, registry)
    assert [] == asked
    assert "noise" == more.leaderboards[0].metric

    run(
        pipeline.with_prompt("template", name="twice", prompt="{context} {context}", completion="{response}"),
        store,
        registry,
    )
    assert 20 == len(asked)  # both models under the new prompt, on ten records
    assert all(" line " in prompt for prompt in asked)


def test_a_failed_cell_stops_no_other_and_stays_visible(pipeline: Pipeline, store: Store, registry: Registry) -> None:
    """A failed training fails its own cell; the others have results, and the failure is in the results with its step."""
    result = run(pipeline.with_model("echo", name="bad", trainer={"fails": True}), store, registry)

    (failed,) = result.failures
    assert ("bad", "train.bad.bare.lines", "the option 'fails' is set") == (
        failed.candidate,
        failed.step,
        failed.error.split(": ")[-1],
    )
    assert ["loud", "quiet"] == [cell.candidate for cell in result.leaderboards[0].cells]
    later = result.run.record("score.bad.bare.lines")
    assert isinstance(later, Failed)
    assert "train.bad.bare.lines" == later.cause
    assert "1 candidate could not be evaluated" in result.decision().text


def test_an_endpoint_that_answers_nothing_fails_its_cell(pipeline: Pipeline, store: Store, registry: Registry) -> None:
    """When no record is answered, the step fails and says what the endpoint said."""
    result = run(pipeline.with_model("echo", name="mute", voice="mute", fine_tune=False), store, registry)

    (failed,) = result.failures
    assert "generate.mute" == failed.step
    assert "no record was answered" in failed.error
    assert "mute" in failed.error


def test_an_endpoint_that_answered_nothing_is_asked_anew(
    pipeline: Pipeline, store: Store, registry: Registry, asked: list[str]
) -> None:
    """What refuses every record is mended at the endpoint: a refusal then says nothing of a record."""
    mute = pipeline.with_model("echo", name="mute", voice="mute", fine_tune=False)
    result = run(mute, store, registry)
    refused = len(asked)
    asked.clear()

    resume(result.run.id, store=store, registry=registry, progress=Progress())

    assert 10 == len(asked) <= refused


def test_resume_does_what_is_left(pipeline: Pipeline, store: Store, registry: Registry, asked: list[str]) -> None:
    """A run whose failed steps are mended goes on: those are done again, and nothing else is."""
    broken = pipeline.with_model("echo", name="late", voice="late", fine_tune=False)
    result = run(broken, store, registry)
    result.run.clear_record("score.late.bare.lines")
    result.run.clear_record("compare")
    asked.clear()

    again = resume(result.run.id, store=store, registry=registry, progress=Progress())

    assert again.run.id == result.run.id
    assert [] == asked
    assert 3 == len(again.leaderboards[0].cells)


def test_resources_are_entered_before_and_struck_after(pipeline: Pipeline, store: Store, registry: Registry) -> None:
    """Every endpoint stands in the ledger, and is marked as deleted when the run ends."""
    result = run(pipeline, store, registry)

    entries = result.run.ledger()
    assert {"generate.quiet", "generate.loud.bare.lines"} == {entry.step for entry in entries}
    assert all(entry.deleted is not None for entry in entries)
    assert {} == EchoEndpoint._serving


def test_the_plan_is_kept_once_and_never_changes(pipeline: Pipeline, store: Store, registry: Registry) -> None:
    """Two runs of one pipeline share one plan, addressed by its hash."""
    one, two = run(pipeline, store, registry), run(pipeline, store, registry)

    keys = list(store.list("plans/"))
    assert [f"plans/{one.run.plan.hash}/plan.json"] == keys
    assert one.run.plan == two.run.plan
    assert json.loads(store.get(keys[0]) or b"") == one.run.plan.json


def test_a_missing_field_is_told_before_any_training(store: Store, registry: Registry, asked: list[str]) -> None:
    """A prompt that names a field the records do not have fails in `prepare`, naming prompt, field and record."""
    pipeline = (
        Pipeline.builder("echo")
        .with_dataset("lines")
        .with_prompt("template", prompt="{subject}", completion="{response}")
        .with_model("echo")
        .with_evaluator("echo-score")
    )

    result = run(pipeline, store, registry)

    record = result.run.record("prepare.lines")
    assert isinstance(record, Failed)
    assert "'subject'" in record.error
    assert "prompt 'template'" in record.error
    assert [] == asked
