"""The executor `sagemaker`: what it records after an execution, how it resumes, and what it refuses."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import attrs
import pytest

pytest.importorskip("moto")
pytest.importorskip("sagemaker")

import llmops_sdk.testing
from llmops_plugins.sagemaker.pipeline import executor
from llmops_plugins.sagemaker.pipeline.execution import Execution, NodeState
from llmops_plugins.sagemaker.pipeline.executor import finish
from llmops_sdk import LocalStore, Pipeline, Progress, Run, RunNotFoundError, SpecError, UserError
from llmops_sdk.plugin import (
    Executor,
    ExecutorCard,
    ExecutorOptions,
    Failed,
    Resource,
    Runtime,
    Succeeded,
    hookimpl,
    option,
    run_step,
)
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import EchoEndpoint, MemoryStore

NAME = "llmops-watched"
SETTINGS = {"role": "arn:aws:iam::123456789012:role/llmops", "bucket": "team-bucket", "region": "us-east-1"}


class KeptProgress(Progress):
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(name="plugins", scope="module")
def _plugins() -> Registry:
    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    return registry


def pipeline(**options: Any) -> Pipeline:
    base = Pipeline.builder("watched").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    base = base.with_settings("sagemaker", **SETTINGS, image_uri="image:1")
    return base.with_model("echo", fine_tune=False).with_executor("sagemaker", poll_seconds=0.3, **options)


def test_an_offline_run_is_refused(plugins: Registry, tmp_path: Path) -> None:
    """Nothing is prepared."""
    with pytest.raises(UserError, match="run it without --offline"):
        pipeline().run(offline=True, registry=plugins, store=tmp_path, progress=Progress())


def run_with_training(plugins: Registry) -> Run:
    """Return a run with a prepared dataset and a model that is trained."""
    training = pipeline().with_model("echo", name="tuned", trainer={"voice": "quiet"})
    run = Run.create(MemoryStore(), training.build(plugins), run_id="abcdefghijkl")
    run.write_record(Succeeded("prepare.lines", {}, cached=False, at=0.0, seconds=0.0))
    return run


def test_a_lost_container_is_recorded_and_the_rest_compared(plugins: Registry, tmp_path: Path) -> None:
    """The record has SageMaker's reason; steps that need the lost one fail because of it."""
    run = run_with_training(plugins)
    nodes = {"train-tuned-bare-lines": NodeState("Failed", "AlgorithmError: Killed, exit code: 137")}
    finish(run, Runtime(plugins, tmp_path), "Failed", nodes)
    train, score = run.record("train.tuned.bare.lines"), run.record("score.tuned.bare.lines")

    assert isinstance(train, Failed)
    assert "its container was lost: AlgorithmError: Killed, exit code: 137" == train.error
    assert isinstance(score, Failed)
    assert "train.tuned.bare.lines" == score.cause
    assert isinstance(run.record("compare"), Succeeded)
    assert {"echo", "tuned"} == {cell.candidate for cell in run.results().leaderboards[0].failed}


def test_the_dataset_of_retention_alone_starts_no_execution(plugins: Registry, tmp_path: Path) -> None:
    """Without a dataset that could be prepared, there is nothing to run."""
    lost = Pipeline.builder("watched").with_dataset("jsonl", path=str(tmp_path / "lost.jsonl")).with_prompt("bare")
    lost = lost.with_evaluator("echo-score").with_model("echo", name="tuned").with_retention()
    progress = KeptProgress()

    assert not executor.prepare(lost.build(plugins), MemoryStore(), Runtime(plugins, tmp_path, progress=progress))
    assert ["  failed    prepare.lost"] == [line.partition(":")[0] for line in progress.lines]


def test_a_stop_in_the_console_is_recorded(plugins: Registry, tmp_path: Path) -> None:
    """Every step that had not ended is recorded as stopped."""
    run = run_with_training(plugins)
    finish(run, Runtime(plugins, tmp_path), "Stopped", {"generate-echo": NodeState("Stopped")})
    record = run.record("generate.echo")

    assert isinstance(record, Failed)
    assert "the execution was stopped" == record.error


def test_a_run_whose_pipeline_was_deleted_is_resumed_as_a_new_one(
    plugins: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason is logged."""

    def missing(*_: Any) -> Execution:
        message = f"there is no pipeline {NAME!r} in this account and region"
        raise RunNotFoundError(message)

    run, progress = run_with_training(plugins), KeptProgress()
    new = Run.create(MemoryStore(), run.plan, run_id="new")
    monkeypatch.setattr(executor, "Execution", missing)
    monkeypatch.setattr(executor.SageMakerExecutor, "create_run", lambda *_: new)
    resumed = plugins.make("executor", "sagemaker", {}).resume(run, Runtime(plugins, tmp_path, progress=progress))

    assert "new" == resumed.id
    (line,) = progress.lines
    assert f"the execution of run {run.id} is missing: there is no pipeline {NAME!r} in this account and region" in line
    assert "starting a new one that reuses its results" in line


@pytest.mark.parametrize(
    ("status", "running"), [("Executing", True), ("Stopping", True), ("Failed", False), (None, False)]
)
def test_a_run_is_running_while_its_execution_is(
    plugins: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str | None, *, running: bool
) -> None:
    """Between its steps nothing in the record shows it. One that was deleted runs no more; offline, nobody can be asked."""

    class Asked:
        def __init__(self, *_: Any) -> None:
            if status is None:
                message = "there is no such execution"
                raise RunNotFoundError(message)
            self.status = status

    run = run_with_training(plugins)
    monkeypatch.setattr(executor, "Execution", Asked)
    sagemaker = plugins.make("executor", "sagemaker", {})

    assert running == sagemaker.is_running(run, Runtime(plugins, tmp_path))
    with pytest.raises(UserError, match="needs the network"):
        sagemaker.is_running(run, Runtime(plugins, tmp_path, offline=True))


# -- remote executors in general ----------------------------------------------------------------


def test_the_local_executor_cannot_compile(plugins: Registry, tmp_path: Path) -> None:
    """The error names the command that shows the plan."""
    plan = pipeline().with_executor("local").build(plugins)
    with pytest.raises(SpecError, match="llmops plan"):
        plugins.make("executor", "local", {}).compile(plan, Runtime(plugins, tmp_path))


class RemoteExecutor(Executor):
    """Leaves a resource, as a killed step does, and may be interrupted."""

    remote = True

    def execute(self, run: Run, runtime: Runtime) -> None:
        run.add_resource(Resource("echo", "left-behind"), "generate.echo")
        for step in run.plan.steps:
            run_step(run, step.name, runtime)
        if self.options.interrupted:
            raise KeyboardInterrupt


@attrs.frozen(kw_only=True)
class RemoteOptions(ExecutorOptions):
    """Whether it is interrupted."""

    interrupted: bool = option(False)


class RemotePlugin:
    """Offers the executor."""

    @staticmethod
    @hookimpl
    def llmops_cards() -> tuple[ExecutorCard, ...]:
        card = ExecutorCard(name="remote", summary="", load=f"{__name__}:RemoteExecutor", options=RemoteOptions)
        return (card,)


@pytest.mark.parametrize("interrupted", [False, True])
def test_leftovers_of_a_killed_step_are_deleted_at_the_end(
    interrupted: bool,  # noqa: FBT001 - a parameter
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The remote execution ends on its own, or by Ctrl-C, which names the run to resume."""
    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    registry.add("remote", RemotePlugin())
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or types.ModuleType(__name__))
    monkeypatch.setattr(sys.modules[__name__], "RemoteExecutor", RemoteExecutor, raising=False)
    deleted: list[str] = []
    monkeypatch.setattr(EchoEndpoint, "delete", lambda _self, _context, resource: deleted.append(resource.name))
    remote_pipeline = pipeline().with_executor("remote", interrupted=interrupted)
    if interrupted:
        with pytest.raises(KeyboardInterrupt) as stopped:
            remote_pipeline.run(store=tmp_path, registry=registry, progress=Progress())
        assert str(tmp_path) == stopped.value.args[1]
    else:
        remote_pipeline.run(store=tmp_path, registry=registry, progress=Progress())

    assert "left-behind" in deleted
    assert all(entry.deleted for entry in Run.open(LocalStore(tmp_path), "latest").ledger())


def test_the_docs_describe_every_parameter_of_the_pipeline() -> None:
    """A user can set them when starting the pipeline."""
    page = (Path(__file__).parents[4] / "docs" / "how-to" / "sagemaker-pipeline.md").read_text(encoding="utf-8")

    parameters = ("TrainInstanceType", "GenerateInstanceType", "ScoreInstanceType", "CompareInstanceType")
    for word in (*parameters, "sagemaker-rehearsal", "attach"):
        assert word in page
