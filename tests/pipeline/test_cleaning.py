"""`clean`: the function that users call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import LocalStore, Pipeline, Progress, Registry, RunNotFoundError, SpecError, clean, load


@pytest.fixture(name="pipeline")
def _pipeline(home: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    pipeline = Pipeline.builder("echo").with_dataset("lines").with_prompt("bare")
    return pipeline.with_model("echo", fine_tune=False).with_evaluator("echo-score")


def test_a_dry_run_frees_nothing(pipeline: Pipeline, tmp_path: Path, registry: Registry) -> None:
    """It returns what would be freed; the same call without it frees that."""
    store = LocalStore(tmp_path / "runs")
    ids = [pipeline.run(store=store, registry=registry, progress=Progress()).run.id for _ in range(2)]
    options: dict[str, Any] = {"store": tmp_path / "runs", "keep_last": 1, "registry": registry, "progress": Progress()}

    looked = clean(**options, dry_run=True)
    assert ([ids[0]], False) == (list(looked.runs), looked.is_done)
    assert ids[0] == load(ids[0], store=store).run.id

    done = clean(**options)
    assert ([ids[0]], True, looked.size) == (list(done.runs), done.is_done, done.size)
    with pytest.raises(RunNotFoundError):
        load(ids[0], store=store)
    assert ids[1] == load(store=store).run.id


def test_runs_are_named_as_everywhere(pipeline: Pipeline, tmp_path: Path, registry: Registry) -> None:
    """By a unique prefix, or as `latest`; ages and sizes are texts."""
    store = LocalStore(tmp_path / "runs")
    run = pipeline.run(store=store, registry=registry, progress=Progress()).run

    assert {} == clean(store=store, registry=registry, progress=Progress(), older_than="30d", max_size="1GB").runs
    with pytest.raises(SpecError, match="an age is a number and a unit"):
        clean(store=store, registry=registry, progress=Progress(), older_than="old")
    with pytest.raises(SpecError, match="a size is a number and a unit"):
        clean(store=store, registry=registry, progress=Progress(), max_size="10")
    assert {run.id: "named"} == clean("latest", store=store, registry=registry, progress=Progress()).runs
    with pytest.raises(RunNotFoundError, match="there are no runs"):
        clean("echo", store=store, registry=registry, progress=Progress())
