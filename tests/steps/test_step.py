"""`run_step`: artifacts are made once, failures stay in their cell, and a record is left whatever happens."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from llmops_sdk import Pipeline, Progress, Run
from llmops_sdk.plugin import (
    Context,
    Evaluator,
    EvaluatorCard,
    Failed,
    Generation,
    Metric,
    RecordScore,
    Runtime,
    Succeeded,
    hookimpl,
    run_step,
)
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.stores import Store

from . import conftest


def test_a_run_succeeds(two_models: Pipeline, store: Store, run: conftest.Run) -> None:
    """All steps succeed; the tuned model wins; the samples have every record with its prompt, answer and scores."""
    result = run(two_models)

    assert ("loud", True) == (result.decision().best, result.decision().settled)
    (board,) = result.leaderboards
    assert [("loud", 1.0), ("quiet", 0.0)] == [(cell.candidate, cell.estimates["exact"].mean) for cell in board.cells]
    records = [result.run.record(step.name) for step in result.run.plan.steps]
    assert all(isinstance(record, Succeeded) and not record.cached and not record.pending for record in records)
    assert store.get(f"runs/{result.run.id}/report.html") is not None


def test_nothing_is_made_twice(two_models: Pipeline, run: conftest.Run, asked: list[str]) -> None:
    """The same pipeline again asks nothing, trains nothing and has the same estimates."""
    first = run(two_models)
    assert 20 == len(asked)
    asked.clear()

    second = run(two_models)

    assert [] == asked
    records = [second.run.record(step.name) for step in second.run.plan.steps[:-1]]
    assert all(isinstance(record, Succeeded) and record.cached for record in records)
    assert [cell.estimates for cell in first.leaderboards[0].cells] == [
        cell.estimates for cell in second.leaderboards[0].cells
    ]


def test_only_what_changed_is_made(two_models: Pipeline, run: conftest.Run, asked: list[str]) -> None:
    """Another metric needs no request; another prompt on a base model needs its own requests and no training."""
    run(two_models)
    asked.clear()

    other_metric = run(two_models.with_decision("noise"))
    assert [] == asked
    assert "noise" == other_metric.leaderboards[0].metric

    run(two_models.with_prompt("template", name="twice", prompt="{context} {context}", completion="{response}"))
    assert 20 == len(asked)  # both models under the new prompt, on ten records
    assert all(" line " in prompt for prompt in asked)


def test_a_failed_cell_stops_no_other(two_models: Pipeline, run: conftest.Run) -> None:
    """A failed training fails its own cell, and is in the results with its step; the others have results."""
    result = run(two_models.with_model("echo", name="bad", trainer={"fails": True}))

    (failed,) = result.failures
    assert ("bad", "train.bad.bare.lines") == (failed.candidate, failed.step)
    assert failed.error.endswith("the option 'fails' is set")
    assert ["loud", "quiet"] == [cell.candidate for cell in result.leaderboards[0].cells]
    later = result.run.record("score.bad.bare.lines")
    assert isinstance(later, Failed)
    assert "train.bad.bare.lines" == later.cause
    assert later.error.startswith("step 'train.bad.bare.lines' failed earlier: ")
    assert "1 candidate could not be evaluated" in result.decision().text


class Broken(Evaluator):
    """Fails in the way that its class says."""

    error: BaseException = ValueError()

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Return one number."""
        return (Metric("never"),)

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Fail."""
        for _ in generations:
            raise self.error
        return iter(())


class BrokenPlugin:
    """Offers the evaluator."""

    @hookimpl
    def llmops_cards(self) -> tuple[EvaluatorCard, ...]:
        """Return its card."""
        return (EvaluatorCard(name="broken", summary="fails", load=f"{__name__}:Broken"),)


@pytest.fixture(name="broken")
def _broken(pipeline: Pipeline, registry: Registry) -> Pipeline:
    registry.add("broken", BrokenPlugin())
    return pipeline.with_evaluator("broken")


def test_a_fault_of_the_program_has_its_traceback(
    broken: Pipeline, run: conftest.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record has the error in one line and the traceback; the log has both."""
    monkeypatch.setattr(Broken, "error", ValueError("no\nsuch value"))

    result = run(broken)

    record = result.run.record("score.echo.bare.lines")
    assert isinstance(record, Failed)
    assert record.error.startswith("ValueError: no such value")
    assert record.error.endswith(f"; see: llmops logs {result.run.id} {record.step}")
    assert "raise self.error" in record.detail
    assert b"step 'score.echo.bare.lines' failed" in (result.run.read_log("score.echo.bare.lines") or b"")


def test_an_interrupted_step_has_no_record(
    broken: Pipeline, store: Store, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C is raised, and the step runs again later."""
    monkeypatch.setattr(Broken, "error", KeyboardInterrupt())
    run = Run.create(store, broken.build(registry))
    runtime = Runtime(registry, tmp_path, progress=Progress())
    run_step(run, "prepare.lines", runtime)
    run_step(run, "generate.echo", runtime)

    with pytest.raises(KeyboardInterrupt):
        run_step(run, "score.echo.bare.lines", runtime)

    assert run.record("score.echo.bare.lines") is None
    assert run.started("score.echo.bare.lines") is not None


def test_a_step_with_a_record_is_not_run_again(
    pipeline: Pipeline, store: Store, registry: Registry, tmp_path: Path
) -> None:
    """Its record is returned as it is."""
    run = Run.create(store, pipeline.build(registry))
    record = Failed("prepare.lines", "lost", "", "prepare.lines", time.time(), 0.0)
    run.write_record(record)

    assert record == run_step(run, "prepare.lines", Runtime(registry, tmp_path, progress=Progress()))


def test_a_dataset_that_fails_does_not_stop_the_others(two_models: Pipeline, run: conftest.Run) -> None:
    """A base model answers all datasets in one step: those that are there; its other cells name the dataset's error."""
    result = run(two_models.with_dataset("lines", name="bad", test_fraction=0.0))

    good, bad = result.leaderboards
    assert ["loud", "quiet"] == [cell.candidate for cell in good.cells]
    assert () == bad.cells
    assert {"prepare.bad"} == {failed.step for failed in bad.failed}
    assert {"quiet", "loud"} == {failed.candidate for failed in bad.failed}
    assert isinstance(result.run.record("generate.quiet"), Succeeded)
