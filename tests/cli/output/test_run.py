"""The results of a run, or its progress, as they are printed."""

from __future__ import annotations

import time
from pathlib import Path

import attrs
import pytest

from llmops_sdk import Pipeline, Run, StepFailedError
from llmops_sdk.cli.output.run import report_location, show_quietly, show_run
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.progress import Progress
from llmops_sdk.testing import MemoryStore
from llmops_sdk.values.step_records import Failed, Succeeded


@pytest.fixture(name="pipeline")
def _pipeline(home: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    """A pipeline with one candidate."""
    pipeline = Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    return pipeline.with_model("echo", fine_tune=False)


def finish(pipeline: Pipeline, registry: Registry) -> Run:
    """Run a pipeline without showing its progress."""
    return pipeline.run(store=MemoryStore(), registry=registry, progress=Progress()).run


def test_the_deciding_metric_has_its_interval(
    pipeline: Pipeline, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside it are the model's kind, the answered records and the speed; the verdict follows."""
    show_run(finish(pipeline, registry))

    out = capsys.readouterr().out
    assert "candidate  model           Exact match  answered  p50 latency  tokens/s" in out
    assert "echo       base   1.000 [0.661, 1.000]     10/10" in out
    assert "echo has a mean Exact match of 1.000 [0.661, 1.000] on lines" in out


def test_a_recipe_is_one_row_with_its_seeds(
    pipeline: Pipeline, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their number and the standard deviation of their means; another candidate has nothing there."""
    show_run(
        finish(pipeline.with_model("echo", name="tuned", trainer={"voice": "unsteady", "seeds": [1, 2, 3]}), registry)
    )

    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "candidate model Exact match over seeds answered p50 latency tokens/s" in lines
    (row,) = [line for line in lines if line.startswith("tuned fine-tuned ")]
    assert "] 3, SD 0." in row
    assert " 30/30 " in row
    (base,) = [line for line in lines if line.startswith("echo base ")]
    assert "] 10/10 " in base


def test_the_report_is_named_if_there_is_one(
    pipeline: Pipeline, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipeline may have other reporters only."""
    run = finish(pipeline, registry)
    show_run(run)

    assert f"report: {run.locate('report.html')}" in capsys.readouterr().out
    others = attrs.evolve(run.plan, reporters=())
    show_run(run.with_plan(others))
    assert "report:" not in capsys.readouterr().out
    assert report_location(run.with_plan(others)) is None


def test_other_metrics_are_never_left_out(
    pipeline: Pipeline, registry: Registry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a narrow terminal they take further tables; no label and no number is cut."""
    run = finish(pipeline.with_evaluator("echo-probes", likelihood=True), registry)
    labels = ["Noise", "Steadiness", "Log-probability of the reference"]
    for width, tables in ((120, 2), (64, 2), (62, 3)):
        monkeypatch.setenv("COLUMNS", str(width))

        show_run(run)

        others = capsys.readouterr().out.split("\n\n")[2 : 1 + tables]
        assert labels == [label for label in labels if any(label in table for table in others)]
        assert all(table.startswith("candidate  ") and "…" not in table for table in others)


def test_a_long_name_wraps_in_a_narrow_terminal(
    pipeline: Pipeline, registry: Registry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the name nor a number is cut."""
    name = "smollm2-with-a-long-name-of-its-own"
    run = finish(pipeline.with_model("echo", name=name, voice="quiet", fine_tune=False), registry)
    monkeypatch.setenv("COLUMNS", "80")

    show_run(run)

    table = capsys.readouterr().out.split("\n\n")[1]
    assert "…" not in table
    assert name in "".join(line.split(" ")[0] for line in table.splitlines())
    assert max(map(len, table.splitlines())) <= 80


def test_a_failed_candidate_is_reported(
    pipeline: Pipeline, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the step that failed and its error; the others have their results."""
    show_run(finish(pipeline.with_model("echo", name="tuned", trainer={"fails": True}), registry))

    out = capsys.readouterr().out
    assert "tuned has no result: step train.tuned.bare.lines failed: " in out
    assert "echo has a mean Exact match of" in out


def test_a_run_without_candidates_shows_its_errors(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """Each error once, without a table or a report."""
    pipeline = Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    with pytest.raises(
        StepFailedError, match=r"no candidate of run 'p-.*' could be evaluated: echo: step train.echo"
    ) as failed:
        finish(pipeline.with_model("echo", trainer={"fails": True}), registry)

    show_run(failed.value.run)

    assert 1 == capsys.readouterr().out.count("error: train.echo.bare.lines: ")


def test_the_progress_of_an_unfinished_run(
    pipeline: Pipeline, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each step that has started is shown with its state; the last line has the command that resumes the run."""
    run = Run.create(MemoryStore(), pipeline.build(registry))
    now = time.time()
    run.write_record(Succeeded("prepare.lines", {}, cached=False, at=now, seconds=1.0))
    run.write_record(Failed("generate.echo", "no room", "", "generate.echo", now, 1.0))
    run.write_started("compare", now)

    show_run(run)

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["done", "prepare.lines"] in lines
    assert ["failed", "generate.echo:", "no", "room"] in lines
    assert ["started", "compare:", "started", "on"] in [line[:4] for line in lines]
    assert f"2 of 4 steps have ended; resume with: llmops run --resume {run.id}".split() == lines[-1]


def test_the_noise_floor_follows_the_verdict(
    pipeline: Pipeline, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where little is printed; answers are counted, not records."""
    run = finish(pipeline.with_generation(repeats=2).with_noise_floor(), registry)
    text = "Noise floor: echo, asked twice, has the same Exact match both times on all 10 records."

    show_run(run)
    out = capsys.readouterr().out
    assert "1.000 [0.661, 1.000]     20/20" in out
    assert text in out
    show_quietly(run)
    assert text in capsys.readouterr().out
