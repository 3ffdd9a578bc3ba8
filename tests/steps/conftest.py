"""What the tests of steps share: a store of each kind, a quick pipeline, and running it without output."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from llmops_sdk import LocalStore, Pipeline, Progress, Result, StepFailedError, resume
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.stores import Store
from llmops_sdk.testing import MemoryStore

Run = Callable[[Pipeline], Result]
Resume = Callable[[Result], Result]


@pytest.fixture(name="store", params=["local", "memory"])
def _store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Each promise of the record holds on a disk and on an object store without append."""
    return LocalStore(tmp_path / "runs") if request.param == "local" else MemoryStore()


@pytest.fixture(name="pipeline")
def _pipeline(home: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    """A model that repeats in capitals, on ten test records whose references are in capitals."""
    pipeline = Pipeline.builder("echo").with_dataset("lines").with_prompt("bare")
    return pipeline.with_model("echo", fine_tune=False).with_evaluator("echo-score")


@pytest.fixture(name="two_models")
def _two_models(home: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    """A base model that is wrong and a tuned one that is right."""
    pipeline = Pipeline.builder("echo").with_dataset("lines").with_prompt("bare")
    pipeline = pipeline.with_model("echo", name="quiet", voice="quiet", fine_tune=False)
    return pipeline.with_model("echo", name="loud").with_evaluator("echo-score")


@pytest.fixture(name="run")
def _run(store: Store, registry: Registry) -> Run:
    """Run a pipeline in the store, without output; a run in which every candidate failed is a result too."""

    def run(pipeline: Pipeline) -> Result:
        try:
            return pipeline.run(store=store, registry=registry, progress=Progress())
        except StepFailedError as exc:
            return Result(exc.run)

    return run


@pytest.fixture(name="resumed")
def _resumed(store: Store, registry: Registry) -> Resume:
    """Resume the run of a result, without output."""
    return lambda result: resume(result.run.id, store=store, registry=registry, progress=Progress())
