"""The work of a node in its container."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

pytest.importorskip("moto")
pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.interrupts import delayed_interrupt
from llmops_plugins.sagemaker.pipeline import steps
from llmops_plugins.sagemaker.pipeline.graph import graph_of
from llmops_plugins.sagemaker.pipeline.steps import container_plan_uri, open_plan, run_node
from llmops_sdk import LocalStore, Pipeline, Run, RunNotFoundError, StepFailedError
from llmops_sdk.plugin import Failed, Runtime, Succeeded, plan_uri, run_step, write_plan
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import MemoryStore

from .pipelines import SETTINGS, echo_pipeline

RUN_ID = "abcdefghijkl"


@pytest.fixture(name="prepared")
def _prepared(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run of two models whose dataset is prepared; containers use the registry of the test."""
    monkeypatch.setattr(Runtime, "of_this_process", lambda: Runtime(registry, tmp_path / "home"))
    plan, store = echo_pipeline().build(registry), LocalStore(tmp_path / "runs")
    with Run.temporary(store, plan) as run:
        run_step(run, "prepare.lines", Runtime(registry, tmp_path / "home"))
        run.share_prepared("prepare.lines")
    return Run.open_or_create(store, plan, RUN_ID)


@pytest.fixture(autouse=True)
def _same_signals() -> object:
    """`run_node` changes the handlers of its process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def run_nodes(run: Run, *nodes: str) -> list[str]:
    """Run nodes, and return how their steps ended."""
    uri = container_plan_uri(run.store, run.plan)
    return [run_node(uri, run.id, node).partition(" in ")[0] for node in nodes]


def test_a_node_runs_its_steps_and_records_them(prepared: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Its log names the run, the node and the steps, and has the mean of each metric of a scored cell."""
    ends = run_nodes(prepared, "generate-m1", "score-m1")

    assert ["generate.m1 done", "score.m1.bare.lines done"] == ends
    assert isinstance(prepared.record("score.m1.bare.lines"), Succeeded)
    log = capsys.readouterr().out
    assert f"run {RUN_ID}, node generate-m1: generate.m1\n" in log
    assert "m1.bare.lines  exact  0.0000  (mean of 10)" in log


def test_a_failed_step_does_not_raise_but_compare_does(prepared: Run) -> None:
    """SageMaker continues with the other nodes, and the execution ends as Failed."""
    prepared.write_record(Failed("train.m0.bare.lines", "no", "", "train.m0.bare.lines", 0.0, 0.0))
    ends = run_nodes(prepared, "generate-m0-bare-lines", "generate-m1", "score-m0-bare-lines", "score-m1")

    assert ends[0].startswith("generate.m0.bare.lines failed")
    with pytest.raises(StepFailedError, match=r"1 of 2 candidates have no result: m0\.bare\.lines"):
        run_nodes(prepared, "compare")
    assert isinstance(prepared.record("compare"), Succeeded)


def test_a_plan_is_opened_by_its_uri(tmp_path: Path, registry: Registry) -> None:
    """The URI has no profile, which only the client's machine has."""
    plan, store = echo_pipeline().build(registry), LocalStore(tmp_path)
    write_plan(store, plan)
    opened, opened_plan = open_plan(container_plan_uri(store, plan))

    class Remote(MemoryStore):
        uri = "s3://bucket/team/llmops?profile=mine&region=eu-west-1"

    assert (str(tmp_path), plan.hash) == (opened.uri, opened_plan.hash)
    assert plan_uri("s3://bucket/team/llmops?region=eu-west-1", plan.hash) == container_plan_uri(Remote(), plan)


def test_a_missing_plan_is_reported(tmp_path: Path, registry: Registry) -> None:
    """The message has its key."""
    plan = echo_pipeline().build(registry)
    with pytest.raises(RunNotFoundError, match=plan.hash):
        open_plan(container_plan_uri(LocalStore(tmp_path), plan))


def test_sigterm_waits_for_a_request_that_creates_something(prepared: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the request is answered, the node ends as stopped."""
    done: list[str] = []

    def creating(_run: Run, step: str, _runtime: Runtime) -> Succeeded:
        with delayed_interrupt():
            signal.raise_signal(signal.SIGTERM)
            done.append(step)
        raise AssertionError

    monkeypatch.setattr(steps, "run_step", creating)
    with pytest.raises(StepFailedError, match="node 'generate-m1' was stopped"):
        run_nodes(prepared, "generate-m1")

    assert ["generate.m1"] == done


def test_planned_looks_run_in_nodes(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A candidate that a look stopped is not deployed by the next node, and the execution succeeds."""
    monkeypatch.setattr(Runtime, "of_this_process", lambda: Runtime(registry, tmp_path / "home"))
    pipeline = Pipeline.builder("looks").with_dataset("lines", records=120).with_prompt("bare")
    pipeline = pipeline.with_evaluator("echo-score").with_settings("sagemaker", **SETTINGS).with_executor("sagemaker")
    for voice in ("loud", "quiet"):
        pipeline = pipeline.with_model("echo", name=voice, voice=voice, fine_tune=False)
    plan, store = pipeline.with_early_stopping(2).build(registry), LocalStore(tmp_path / "runs")
    with Run.temporary(store, plan) as prepared:
        run_step(prepared, "prepare.lines", Runtime(registry, tmp_path / "home"))
        prepared.share_prepared("prepare.lines")
    run = Run.open_or_create(store, plan, RUN_ID)

    ends = run_nodes(run, *(node.name for node in graph_of(plan).nodes))

    assert {"look.1 done", "generate.loud@look2 reused", "generate.quiet@look2 reused", "compare done"} <= set(ends)
    (board,) = run.results().leaderboards
    assert [30, 30] == [cell.not_asked for cell in board.cells]


def test_functions_of_a_file_come_with_the_plan(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container has neither the file nor what it imports from its folder, nor the file that an option names."""
    monkeypatch.setattr(Runtime, "of_this_process", lambda: Runtime(registry, tmp_path / "home"))
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "helpers.py").write_text("def count(text, words):\n    return len(words)\n", encoding="utf-8")
    (folder / "words.txt").write_text("a b c", encoding="utf-8")
    (folder / "mine.py").write_text(
        "from pathlib import Path\nfrom helpers import count\nfrom llmops_sdk import metric, target\n"
        "@target\ndef ask(prompt):\n    return prompt\n"
        "@metric\ndef known(output, *, words: Path = Path('words.txt')):\n"
        "    return count(output, words.read_text().split())\n",
        encoding="utf-8",
    )
    pipeline = Pipeline.builder("functions").with_dataset("lines").with_prompt("bare")
    pipeline = pipeline.with_model(f"{folder}/mine.py:ask").with_evaluator(f"{folder}/mine.py:known")
    plan, store = pipeline.build(registry), LocalStore(tmp_path / "runs")
    with Run.temporary(store, plan) as run:
        run_step(run, "prepare.lines", Runtime(registry, tmp_path / "home"))
        run.share_prepared("prepare.lines")
    shutil.rmtree(folder)
    run = Run.open_or_create(store, plan, RUN_ID)

    ends = run_nodes(run, "generate-ask", "score-ask")

    assert ["generate.ask done", "score.ask.bare.lines done"] == ends
    assert {3.0} == {sample.scores["known"] for sample in run.samples("ask.bare.lines")}
