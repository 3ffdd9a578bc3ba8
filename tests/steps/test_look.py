"""The `look` step: who is asked no more."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from llmops_sdk import Pipeline, Progress, Result, Run
from llmops_sdk.plugin import Runtime, Succeeded, run_step
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.stores import Store
from llmops_sdk.values.artifacts import LookValue

from . import conftest


@pytest.fixture(name="voices")
def _voices(home: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    """Two voices of which one is always right and one never, on sixty test records, with two looks."""
    pipeline = Pipeline.builder("voices").with_dataset("lines", records=120).with_prompt("bare")
    for voice in ("loud", "quiet"):
        pipeline = pipeline.with_model("echo", name=voice, voice=voice, fine_tune=False)
    return pipeline.with_evaluator("echo-score").with_early_stopping(2)


def stopped(result: Result, step: str = "look.1") -> Mapping[str, int]:
    """Return the cells that stopped, with their looks."""
    record = result.run.record(step)
    assert isinstance(record, Succeeded)
    artifact = result.run.artifact(record.artifacts["look"])
    assert artifact is not None
    value: LookValue = artifact.read(LookValue)
    return value.stopped


def test_the_last_one_that_is_left_stops_too(voices: Pipeline, run: conftest.Run) -> None:
    """There is nothing to compare it with."""
    assert {"loud.bare.lines": 1, "quiet.bare.lines": 1} == stopped(run(voices))


def test_the_same_evidence_is_decided_once(voices: Pipeline, run: conftest.Run) -> None:
    """Another run of the same pipeline reuses the decision."""
    run(voices)
    record = run(voices).run.record("look.1")

    assert isinstance(record, Succeeded)
    assert record.cached


def test_a_look_at_candidates_without_scores(voices: Pipeline, store: Store, registry: Registry, home: object) -> None:
    """Their steps failed or did not run: nobody stops."""
    run = Run.create(store, voices.build(registry))

    run_step(run, "look.1", Runtime(registry, home, progress=Progress()))  # type: ignore[arg-type]

    assert {} == stopped(Result(run))
