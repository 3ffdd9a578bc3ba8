"""The numbers that are reported of a cell."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import attrs
import numpy as np
import pytest

from llmops_sdk import Pipeline, Progress, RecordError, Result
from llmops_sdk.plugin import Runtime, ScoreStep, Succeeded
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.steps.cell.results import CellScores, read_cell
from llmops_sdk.steps.execution import StepExecution

from .. import conftest


def read(result: Result, registry: Registry, home: Path, name: str) -> CellScores:
    """Read a cell of a finished run."""
    run = result.run
    execution = StepExecution(
        run, "compare", Runtime(registry, home, progress=Progress()), logging.getLogger("test"), time.time()
    )
    step = run.plan.step_by_name[f"score.{name}"]
    record = run.record(step.name)
    assert isinstance(step, ScoreStep)
    assert isinstance(record, Succeeded)
    return read_cell(execution, run.plan.cell_by_name[name], step, record)


def test_scores_are_arrays_in_the_splits_order(
    two_models: Pipeline, run: conftest.Run, registry: Registry, home: Path
) -> None:
    """One number a record, as in its sample; the evaluators that gave them are known."""
    result = run(two_models)

    scores = read(result, registry, home, "quiet.bare.lines")

    samples = list(result.run.samples("quiet.bare.lines"))
    for metric in ("exact", "noise"):
        assert [sample.scores[metric] for sample in samples] == list(scores.column.scores[metric].numbers.ravel())
    assert ["exact", "noise"] == [metric.name for metric in scores.evaluators["echo-score"].metrics]
    assert result.leaderboards[0].cells[1] == attrs.evolve(
        scores.column.result, estimates=result.leaderboards[0].cells[1].estimates
    )


def test_latencies_are_those_of_the_answers(
    two_models: Pipeline, run: conftest.Run, registry: Registry, home: Path
) -> None:
    """Medians and 95th percentiles over the answered records."""
    result = run(two_models)

    speed = read(result, registry, home, "loud.bare.lines").column.result.speed

    latencies = [sample.answer.latency or 0.0 for sample in result.run.samples("loud.bare.lines") if sample.answer]
    assert speed is not None
    assert (float(np.quantile(latencies, 0.5)), float(np.quantile(latencies, 0.95))) == (
        speed.latency_p50,
        speed.latency_p95,
    )
    assert speed.time_to_first_token_p50 is None


def test_scores_that_are_gone_are_an_error(
    two_models: Pipeline, run: conftest.Run, registry: Registry, home: Path
) -> None:
    """It names the step that made them."""
    result = run(two_models)
    result.run.store.delete("artifacts/scores/")
    result.run = result.run.with_plan(result.run.plan)  # which has read nothing yet

    with pytest.raises(RecordError, match=r"what step 'score\.loud\.bare\.lines' made is gone"):
        read(result, registry, home, "loud.bare.lines")


def test_every_answer_to_a_record_has_a_score(
    two_models: Pipeline, run: conftest.Run, registry: Registry, home: Path
) -> None:
    """Those of the noise floor are apart; counts are of answers, and of records where their names have it."""
    result = run(two_models.with_generation(repeats=3).with_noise_floor())

    quiet = read(result, registry, home, "quiet.bare.lines")
    loud = read(result, registry, home, "loud.bare.lines")

    samples = list(result.run.samples("quiet.bare.lines"))
    expected = [[sample.scores["noise"] for sample in samples if sample.repeat == repeat] for repeat in range(3)]
    assert expected == quiet.column.scores["noise"].numbers[0].tolist()
    assert (1, 3, 10) == quiet.again["noise"].numbers.shape
    assert {} == loud.again
    cell = quiet.column.result
    assert (10, 3, 30, 30) == (cell.records, cell.repeats, cell.questions, cell.answered)
    assert cell.speed is not None
    assert cell.speed.output_tokens_per_second is not None
