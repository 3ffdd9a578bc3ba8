"""The steps of a run as they are printed: how far it is, and why a step was reused or done again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from llmops_sdk import Explanation, Pipeline, Result
from llmops_sdk.cli.output.steps import show_explanation, show_explanations, show_progress, show_reasons
from llmops_sdk.cli.output.tables import OutputConsole
from llmops_sdk.progress import Progress
from llmops_sdk.record.run import Run
from llmops_sdk.testing import MemoryStore
from llmops_sdk.values.step_records import Succeeded

if TYPE_CHECKING:
    import pytest

    from llmops_sdk.plugin.registry import Registry

EXPLANATION = Explanation(
    step="train.a",
    state="ran",
    reason="the options of trainer 'lora' changed since run r-1",
    changes={"the options of trainer 'lora'": "epochs 1 → 2"},
    details=("compared with run r-1, the run of pipeline 'p' before it",),
    compared_with="r-1",
)


def _pipeline() -> Pipeline:
    pipeline = Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    return pipeline.with_model("echo", fine_tune=False)


def test_reused_and_repeated_steps_are_listed_with_their_reasons(
    registry: Registry, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the first run of a pipeline there is nothing to list."""
    assert home
    store = MemoryStore()

    def run(pipeline: Pipeline) -> Result:
        return pipeline.run(store=store, registry=registry, progress=Progress())

    first = run(_pipeline())
    show_reasons(first.run)
    assert "" == capsys.readouterr().out

    show_reasons(run(_pipeline().with_generation(max_new_tokens=3)).run)
    out = capsys.readouterr().out
    assert f"reused   prepare.lines: same inputs as in run {first.run.id}" in out
    assert f"done     generate.echo: changed since run {first.run.id}: the generation options" in out


def test_the_progress_of_a_run_has_the_reasons_too(
    registry: Registry, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A reused step is not shown as done by this run."""
    assert home
    run = Run.create(MemoryStore(), _pipeline().build(registry))
    run.write_record(Succeeded("prepare.lines", {}, cached=True, at=1.0, seconds=1.0, reason="same inputs as in run r"))

    show_progress(OutputConsole(width=200), run)

    out = capsys.readouterr().out
    assert "reused   prepare.lines: same inputs as in run r" in out
    assert "1 of 4 steps have ended; resume with: llmops run --resume " in out


def test_an_explained_step_has_a_line_for_each_change(capsys: pytest.CaptureFixture[str]) -> None:
    """And one for each further sentence."""
    show_explanation(EXPLANATION)

    assert (
        "ran      train.a: the options of trainer 'lora' changed since run r-1\n"
        "         the options of trainer 'lora': epochs 1 → 2\n"
        "Compared with run r-1, the run of pipeline 'p' before it.\n"
    ) == capsys.readouterr().out


def test_an_explained_run_has_a_line_for_each_step(capsys: pytest.CaptureFixture[str]) -> None:
    """With the changes in brackets."""
    show_explanations("r-2", [EXPLANATION])

    assert (
        "ran      train.a: the options of trainer 'lora' changed since run r-1 "
        "(the options of trainer 'lora': epochs 1 → 2)\n"
        "more about a step: llmops explain r-2 STEP\n"
    ) == capsys.readouterr().out
