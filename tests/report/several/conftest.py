"""Runs of the echo model, for reports over several of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import LocalStore, Pipeline, Progress, Registry
from llmops_sdk.plugin import Run

MakeRun = Callable[..., Run]


@pytest.fixture(name="make_run")
def _make_run(home: Path, registry: Registry, tmp_path: Path) -> MakeRun:  # noqa: ARG001 - nothing is cached outside the test
    """Return a function that runs a pipeline of one candidate, with the given options."""
    store = LocalStore(tmp_path / "runs")

    def make(
        name: str = "echoes",
        *,
        voice: str = "loud",
        evaluators: tuple[str, ...] = ("echo-score",),
        generation: dict[str, Any] | None = None,
        **lines: Any,
    ) -> Run:
        pipeline = Pipeline.builder(name).with_dataset("lines", **lines).with_prompt("bare")
        pipeline = pipeline.with_model("echo", voice=voice, fine_tune=False)
        for evaluator in evaluators:
            pipeline = pipeline.with_evaluator(evaluator)
        if generation:
            pipeline = pipeline.with_generation(**generation)
        return pipeline.run(store=store, registry=registry, progress=Progress()).run

    return make
