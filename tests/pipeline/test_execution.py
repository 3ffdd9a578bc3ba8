"""Executing runs: resumed, attached and interrupted ones, and the resources that killed steps leave."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import Pipeline, PluginError, Progress, Run, RunInterrupted, RunNotFoundError, SpecError, attach, resume
from llmops_sdk.pipeline import execution
from llmops_sdk.plugin import Resource, Runtime
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.local_store import LocalStore
from llmops_sdk.steps.executor import Executor
from llmops_sdk.testing import EchoEndpoint, MemoryStore


class Remote(Executor):
    """An executor whose steps were killed on another machine."""

    remote = True

    def __init__(self) -> None:
        """It has no options."""

    def execute(self, run: Run, runtime: Runtime) -> None:
        """Stop as with Ctrl-C."""
        raise KeyboardInterrupt


class Log(Progress):
    """Keeps the lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        """Keep a line."""
        self.lines.append(text)


@pytest.fixture(name="pipeline")
def _pipeline(home: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    """One candidate on one dataset."""
    pipeline = Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    return pipeline.with_model("echo", fine_tune=False)


def test_a_resumed_run_repeats_no_work(pipeline: Pipeline, registry: Registry, tmp_path: Path) -> None:
    """Its failed steps are done again, and its completed ones are not."""
    store = LocalStore(tmp_path / "runs")
    run = pipeline.run(store=store, registry=registry, progress=Progress()).run
    EchoEndpoint.asked.clear()
    run.clear_record("compare")

    result = resume("latest", store=store, registry=registry, progress=Progress())

    assert "echo" == result.decision().best
    assert [] == EchoEndpoint.asked


def test_a_resumed_run_deletes_what_an_earlier_attempt_left(
    pipeline: Pipeline, registry: Registry, tmp_path: Path
) -> None:
    """As with credentials that had expired: all answers are there, so the step deploys nothing. What was kept on purpose stays."""
    store, log = LocalStore(tmp_path / "runs"), Log()
    run = pipeline.run(store=store, registry=registry, progress=Progress()).run
    run.add_resource(Resource("echo", "left"), "generate.echo")
    run.mark_kept(Resource("echo", "kept"), "generate.echo")
    run.clear_record("compare")

    resume("latest", store=store, registry=registry, progress=log)

    assert "  deleted      echo 'left'" in log.lines
    assert ["kept"] == [entry.resource.name for entry in run.ledger() if entry.deleted is None]


def test_a_run_that_does_not_exist_cannot_be_resumed(registry: Registry) -> None:
    """The error has the command that starts one."""
    with pytest.raises(RunNotFoundError, match="there are no runs in"):
        resume("latest", store=MemoryStore(), registry=registry)


def test_a_run_whose_plugin_is_missing_cannot_be_resumed(pipeline: Pipeline, registry: Registry) -> None:
    """The error names the plugin."""
    store = MemoryStore()
    Run.create(store, pipeline.build(registry))

    with pytest.raises(PluginError, match="the plan uses plugin 'local', which is not installed"):
        resume("latest", store=store, registry=Registry())


def test_a_local_run_can_neither_detach_nor_attach(pipeline: Pipeline, registry: Registry) -> None:
    """Its steps end with the program that started them."""
    store = MemoryStore()

    with pytest.raises(SpecError, match=r"executor 'local' .* can neither detach nor attach"):
        pipeline.run(store=store, registry=registry, progress=Progress(), detach=True)
    Run.create(store, pipeline.build(registry))
    with pytest.raises(SpecError, match="can neither detach nor attach"):
        attach("latest", store=store, registry=registry, progress=Progress())


def test_an_interrupted_remote_run_deletes_its_resources(
    pipeline: Pipeline, registry: Registry, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interruption names the run and its store; what was deleted, and what could not be, is logged."""
    run, log = Run.create(MemoryStore(), pipeline.build(registry)), Log()
    run.add_resource(Resource("endpoint", "first"), "generate.echo")
    run.add_resource(Resource("endpoint", "lost"), "no.such.step")
    monkeypatch.setattr(execution, "LEFTOVER_PATIENCE", 0.0)

    with pytest.raises(RunInterrupted) as interrupt:
        execution.execute_run(run, Remote(), Runtime(registry, home, offline=True, progress=log))

    assert (run.id, run.store.uri) == (interrupt.value.run_id, interrupt.value.store)
    assert "  deleted      endpoint 'first'" in log.lines
    (failure,) = [line for line in log.lines if line.startswith("  not deleted  endpoint 'lost': ")]
    assert failure.endswith(f"try again with: llmops gc --run {run.id}")
