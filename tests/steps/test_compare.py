"""The `compare` step: the numbers of each cell, side by side, and steps without a record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs
import numpy as np
import pytest

from llmops_sdk import Pipeline, Progress, Result, Run
from llmops_sdk.plugin import Runtime, Succeeded, run_step
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.files import sealed
from llmops_sdk.record.stores import Store
from llmops_sdk.values.artifacts import LookValue, ResultsValue
from llmops_sdk.values.serial import to_json

from . import conftest


def test_a_metric_without_a_better_end(two_models: Pipeline, store: Store, run: conftest.Run) -> None:
    """It is compared as more and less; it changes neither the order nor the verdict."""
    result = run(two_models.with_evaluator("text-metrics", metrics=["length_ratio"]))

    (board,) = result.leaderboards
    assert "exact" == board.metric
    (gap,) = [difference for difference in board.differences if difference.metric == "length_ratio"]
    assert (0, 0) == (gap.better, gap.worse)
    page = (store.get(f"runs/{result.run.id}/report.html") or b"").decode()
    assert "← less" in page
    assert "0 less, 0 more" in page


def test_the_numbers_of_a_cell(two_models: Pipeline, run: conftest.Run) -> None:
    """Estimates, speed, training and endpoint of each cell are those of its record."""
    result = run(two_models)

    loud, quiet = result.leaderboards[0].cells
    assert (True, False) == (loud.fine_tuned, quiet.fine_tuned)
    assert loud.training is not None
    assert quiet.training is None
    assert {"voice": "quiet"} == quiet.endpoint
    assert ("loud", 64) == (loud.endpoint["voice"], len(loud.endpoint["weights"]))
    assert (10, 10, 0, {}) == (loud.records, loud.answered, loud.pending, loud.pending_scores)
    latencies = [sample.answer.latency or 0.0 for sample in result.run.samples(loud.cell) if sample.answer is not None]
    assert loud.speed is not None
    assert 4 == loud.speed.concurrency
    assert float(np.quantile(latencies, 0.5)) == loud.speed.latency_p50
    assert float(np.quantile(latencies, 0.95)) == loud.speed.latency_p95
    assert loud.speed.output_tokens_per_second is not None
    assert loud.speed.time_to_first_token_p50 is None


def test_the_same_evidence_is_concluded_once(two_models: Pipeline, run: conftest.Run) -> None:
    """Another run of the same pipeline reuses the conclusion, under its own ID."""
    first, second = run(two_models), run(two_models)

    record = second.run.record("compare")
    assert isinstance(record, Succeeded)
    assert record.cached
    assert first.leaderboards == second.leaderboards
    assert second.run.id == second.results.run_id
    artifact = second.run.artifact(record.artifacts["results"])
    assert artifact is not None
    expected = artifact.read(ResultsValue).of_run(second.run.id, second.run.plan.name)
    assert sealed(to_json(expected)) == second.run.read("results.json")


def test_a_cell_whose_steps_did_not_run_is_reported(
    pipeline: Pipeline, store: Store, registry: Registry, home: object
) -> None:
    """When a container was lost, the results can still be written from the record."""
    run = Run.create(store, pipeline.build(registry))

    run_step(run, "compare", Runtime(registry, home, progress=Progress()))  # type: ignore[arg-type]

    (board,) = run.results().leaderboards
    assert [("echo", "score.echo.bare.lines", "it was not run")] == [
        (cell.candidate, cell.step, cell.error) for cell in board.failed
    ]
    assert "nothing can be decided" in board.verdict.text


def test_the_noise_floor_takes_no_part_in_the_verdict(
    two_models: Pipeline, store: Store, run: conftest.Run, asked: list[str]
) -> None:
    """A base model is asked twice; all else is as without it."""
    plain = run(two_models)
    asked.clear()

    result = run(two_models.with_noise_floor())

    assert 10 == len(asked)
    (board,), (plain_board,) = result.leaderboards, plain.leaderboards
    assert plain_board.noise_floor is None
    assert plain_board == attrs.evolve(board, noise_floor=None)
    assert board.noise_floor is not None
    text = "quiet, asked twice, has the same Exact match both times on all 10 records."
    assert text == board.noise_floor.text
    assert f"Noise floor: {text}" in repr(result)
    assert text in (store.get(f"runs/{result.run.id}/report.html") or b"").decode()
    assert Result(result.run).leaderboards[0].noise_floor == board.noise_floor


def test_equal_answers_to_a_record_change_no_conclusion(two_models: Pipeline, run: conftest.Run) -> None:
    """Three equal answers to each of ten records are ten records, not thirty."""
    (once,), (thrice,) = (run(each).leaderboards for each in (two_models, two_models.with_generation(repeats=3)))

    assert once.pairs == thrice.pairs
    assert once.verdict.text == thrice.verdict.text
    assert [cell.estimates for cell in once.cells] == [cell.estimates for cell in thrice.cells]
    assert "Each record was asked 3 times. The answers to one record count as one." in thrice.verdict.notes


@pytest.fixture(name="voices")
def _voices(home: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    """Two voices of which one is always right and one never, on sixty test records, with two looks."""
    pipeline = Pipeline.builder("voices").with_dataset("lines", records=120).with_prompt("bare")
    for voice in ("loud", "quiet"):
        pipeline = pipeline.with_model("echo", name=voice, voice=voice, fine_tune=False)
    return pipeline.with_evaluator("echo-score").with_early_stopping(2)


def stopped(result: Result, step: str = "look.1") -> Mapping[str, int]:
    """Return the cells that stopped, with their looks."""
    record = result.run.record(step)
    assert isinstance(record, Succeeded)
    artifact = result.run.artifact(record.artifacts["look"])
    assert artifact is not None
    value: LookValue = artifact.read(LookValue)
    return value.stopped


def test_the_last_one_that_is_left_stops_too(voices: Pipeline, run: conftest.Run) -> None:
    """There is nothing to compare it with."""
    assert {"loud.bare.lines": 1, "quiet.bare.lines": 1} == stopped(run(voices))


def test_the_same_evidence_is_decided_once(voices: Pipeline, run: conftest.Run) -> None:
    """Another run of the same pipeline reuses the decision."""
    run(voices)
    record = run(voices).run.record("look.1")

    assert isinstance(record, Succeeded)
    assert record.cached


def test_a_look_at_candidates_without_scores(voices: Pipeline, store: Store, registry: Registry, home: object) -> None:
    """Their steps failed or did not run: nobody stops."""
    run = Run.create(store, voices.build(registry))

    run_step(run, "look.1", Runtime(registry, home, progress=Progress()))  # type: ignore[arg-type]

    assert {} == stopped(Result(run))
