from __future__ import annotations

from pathlib import Path

import pytest

from llmops_plugins.local import executor
from llmops_sdk import Pipeline, Progress
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.step_records import Failed


class LoggedLines(Progress):
    """Keeps the lines that a user sees."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)


def echo_pipeline() -> Pipeline:
    """A pipeline whose steps take no time."""
    return (
        Pipeline.builder("local")
        .with_dataset("lines", records=4)
        .with_prompt("bare")
        .with_evaluator("echo-score")
        .with_model("echo", name="one", voice="direct-1", fine_tune=False)
        .with_model("echo", name="two", voice="loud", fine_tune=False)
    )


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("workers", [1, 2])
def test_every_step_is_run_and_logged(registry: Registry, tmp_path: Path, workers: int) -> None:
    """One line for each step, then one for each reused step of a second run."""
    pipeline = echo_pipeline().with_executor("local", workers=workers)
    for word in ("done", "reused"):
        progress = LoggedLines()
        result = pipeline.run(store=tmp_path / "store", progress=progress, registry=registry)
        assert () == result.failures
        lines = [line.split() for line in progress.lines if line.startswith("  ")]
        assert {step.name for step in result.run.plan.steps} == {line[2] for line in lines}
        scored = {step.name for step in result.run.plan.steps if step.name.startswith("score")}
        assert 2 == len(scored)
        assert scored <= {line[2] for line in lines if line[1] == word}


@pytest.mark.usefixtures("home")
def test_a_failed_step_does_not_stop_the_others(registry: Registry, tmp_path: Path) -> None:
    """Only the step that failed is logged, not those that failed because of it."""
    pipeline = echo_pipeline().with_model("echo", name="silent", voice="mute", fine_tune=False)
    progress = LoggedLines()
    result = pipeline.run(store=tmp_path / "store", progress=progress, registry=registry)
    failed = [line for line in progress.lines if line.split()[1:2] == ["failed"]]
    records = [result.run.record(step.name) for step in result.run.plan.steps]
    assert 1 == len(failed)
    assert 1 < sum(isinstance(record, Failed) for record in records)


@pytest.mark.parametrize(
    ("visible", "gpus"), [("0,1", ["0", "1"]), ("", []), ("-1", []), (" GPU-a , 3", ["GPU-a", "3"])]
)
def test_visible_gpus_are_those_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, visible: str, gpus: list[str]
) -> None:
    """`CUDA_VISIBLE_DEVICES` limits them, as for every CUDA program."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus == executor._gpus()
