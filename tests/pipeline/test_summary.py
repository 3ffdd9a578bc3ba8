"""The text of a run's results."""

from __future__ import annotations

from pathlib import Path

from llmops_sdk import Pipeline, Progress, Run
from llmops_sdk.pipeline.summary import summarize
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import MemoryStore
from llmops_sdk.values.step_records import Failed, Succeeded


def test_each_dataset_has_its_leaderboard(home: Path, registry: Registry) -> None:  # noqa: ARG001 - a cache of its own
    """They are separated by a blank line."""
    pipeline = Pipeline.builder("p").with_dataset("lines").with_dataset("lines", name="more", records=8)
    pipeline = pipeline.with_prompt("bare").with_model("echo", fine_tune=False).with_evaluator("echo-score")
    run = pipeline.run(store=MemoryStore(), registry=registry, progress=Progress()).run

    head, first, second = summarize(run).split("\n\n")

    assert f"run {run.id}" == head
    assert first.startswith(
        "dataset lines, decided by Exact match\n  echo  1.000 [0.661, 1.000]  base  10/10 answered\n"
    )
    assert second.startswith("dataset more, decided by Exact match\n  echo  1.000 [0.283, 1.000]  base  4/4 answered\n")


def test_failed_steps_of_an_unfinished_run_are_counted(registry: Registry) -> None:
    """Among those that have ended."""
    pipeline = Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    run = Run.create(MemoryStore(), pipeline.with_model("echo", fine_tune=False).build(registry))
    run.write_record(Succeeded("prepare.lines", {}, cached=False, at=1.0, seconds=1.0))
    run.write_record(Failed("generate.echo", "no room", "", "generate.echo", 1.0, 1.0))

    assert "no results yet, 2 of 4 steps have ended, 1 of them failed; resume with: " in summarize(run)
