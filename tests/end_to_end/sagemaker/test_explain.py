"""`llmops explain` where runs are on SageMaker: over records in S3, of executions, and of rehearsals."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("moto")
pytest.importorskip("sagemaker")

import boto3

from llmops_plugins.sagemaker.pipeline.executor import prepare
from llmops_plugins.sagemaker.pipeline.graph import graph_of
from llmops_plugins.sagemaker.pipeline.steps import container_plan_uri, run_node
from llmops_sdk import Pipeline, Run, Store, open_store
from llmops_sdk.cli.main import main
from llmops_sdk.explain.explanation import Explanation, explain_run, explain_step
from llmops_sdk.plugin import Runtime
from llmops_sdk.plugin.registry import Registry

from ...explain import test_explanation
from ...explain.conftest import _pipeline, _run  # noqa: F401 - fixtures

BUCKET = "llmops-runs"
URI = f"s3://{BUCKET}/team/store"
TAKEN = (
    "test_a_reused_step_names_the_run_that_made_its_results",
    "test_a_step_that_ran_again_names_what_changed",
    "test_a_damaged_artifact_is_named_with_its_file",
    "test_a_rescored_run_has_steps_of_the_run_it_is_based_on",
    "test_a_step_without_a_record_is_running_stopped_or_waiting",
)
"""Tests of a store in memory that hold for one in S3, too. They are slow there: each sends some hundred requests."""

globals().update({name: pytest.mark.slow(getattr(test_explanation, name)) for name in TAKEN})


@pytest.fixture(name="store")
def _store(cloud: Any, home: Path) -> Store:  # noqa: ARG001 - both set the environment
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    return open_store(URI)


def _on_sagemaker(records: int) -> Pipeline:
    pipeline = (
        Pipeline.builder("remote")
        .with_dataset("lines", records=records)
        .with_prompt("bare")
        .with_evaluator("echo-score")
    )
    pipeline = pipeline.with_model("echo", name="loud", fine_tune=False)
    pipeline = pipeline.with_settings("sagemaker", role="arn:aws:iam::123456789012:role/llmops", bucket=BUCKET)
    return pipeline.with_executor("sagemaker")


def _execute(pipeline: Pipeline, store: Store, run_id: str, runtime: Runtime) -> Run:
    """Prepare on this machine, and run the nodes as the containers of an execution do."""
    plan = pipeline.build(runtime.registry)
    assert prepare(plan, store, runtime)
    run = Run.open_or_create(store, plan, run_id)
    for node in graph_of(plan).nodes:
        run_node(container_plan_uri(store, plan), run_id, node.name)
    return run


def _states(explained: Iterable[Explanation]) -> dict[str, str]:
    return {each.step.partition(".")[0]: each.state for each in explained}


@pytest.mark.slow
def test_the_steps_of_an_execution_are_explained(
    store: Store,
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Why each ran, in a later one by what changed since the one before; the command shows the same."""
    runtime = Runtime(registry, tmp_path / "home")
    monkeypatch.setattr(Runtime, "of_this_process", lambda: runtime)
    first = _execute(_on_sagemaker(20), store, "firstexecution", runtime)
    same = _execute(_on_sagemaker(20), store, "secondexecution", runtime)
    changed = _execute(_on_sagemaker(24), store, "thirdexecution", runtime)

    assert {"prepare": "taken", "generate": "ran", "score": "ran", "compare": "ran"} == _states(explain_run(first))
    assert {"prepare": "taken", "generate": "reused", "score": "reused", "compare": "reused"} == _states(
        explain_run(same)
    )
    assert "all of its inputs are as they were in run firstexecution of 20" in explain_step(same, "compare").reason
    prepared = explain_step(same, "prepare.lines")
    assert "it was prepared before the run was created, for all runs of its plan" == prepared.reason
    assert "nothing changed of: the data of dataset 'lines' and the options of dataset 'lines'" == prepared.details[0]

    assert {"prepare": "taken", "generate": "ran", "score": "ran", "compare": "ran"} == _states(explain_run(changed))
    assert "records 20 → 24" == explain_step(changed, "prepare.lines").changes["the options of dataset 'lines'"]
    capsys.readouterr()
    assert 0 == main(["explain", "thirdexecution", "generate.loud", "--store", URI])
    shown = " ".join(capsys.readouterr().out.split())
    assert "ran generate.loud: the test records of dataset 'lines' changed since run secondexecution" in shown
    assert "Compared with run secondexecution, the run of pipeline 'remote' before it" in shown
