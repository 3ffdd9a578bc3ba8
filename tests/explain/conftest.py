"""What the tests of `explain` share: quick pipelines in a store in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from llmops_sdk import Pipeline, Progress, Result, StepFailedError
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.stores import Store
from llmops_sdk.testing import MemoryStore

RunPipeline = Callable[..., Result]


@pytest.fixture(name="store")
def _store() -> Store:
    return MemoryStore()


@pytest.fixture(name="pipeline")
def _pipeline(home: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    """A base model and a tuned one on ten test records."""
    return make_pipeline()


def make_pipeline(voice: str = "direct-quiet") -> Pipeline:
    """Return this pipeline.

    Args:
        voice: Of the base model; `mute` answers nothing.
    """
    pipeline = Pipeline.builder("echo").with_dataset("lines").with_prompt("bare")
    pipeline = pipeline.with_model("echo", name="quiet", voice=voice, fine_tune=False)
    return pipeline.with_model("echo", name="loud").with_trainer(voice="direct-loud").with_evaluator("echo-score")


@pytest.fixture(name="run")
def _run(store: Store, registry: Registry) -> RunPipeline:
    """Run a pipeline in the store, without output; a run in which every candidate failed is a result too."""

    def run(pipeline: Pipeline, *fresh: str) -> Result:
        try:
            return pipeline.run(store=store, registry=registry, progress=Progress(), fresh=fresh)
        except StepFailedError as exc:
            return Result(exc.run)

    return run
