"""The program that starts a pipeline: killed, and twice at once. Slow: every step starts the SageMaker SDK twice."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3
import pytest

pytest.importorskip("moto")
pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.emulator import executor as rehearsal
from llmops_sdk import Progress, Run
from llmops_sdk.pipeline.execution import attach
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.plugin.stores import open_store

from .pipeline.test_executor import BUCKET, _account, _plugins, pipeline, wait_for_end  # noqa: F401 - two are fixtures

pytestmark = pytest.mark.slow

STORE = f"s3://{BUCKET}/llmops"
CHILD = """
import sys
import llmops_sdk.testing
from llmops_sdk import Pipeline
from llmops_sdk.plugin.registry import Registry

registry = Registry.load()
registry.add("testing", llmops_sdk.testing)
Pipeline.from_yaml(sys.argv[1]).run(store=sys.argv[2], registry=registry)
"""


def executions(name: str) -> list[dict[str, Any]]:
    """The executions of a pipeline that SageMaker tells of; there may be none yet."""
    client = boto3.client("sagemaker")
    try:
        found: list[dict[str, Any]] = client.list_pipeline_executions(PipelineName=name)["PipelineExecutionSummaries"]
        for execution in found:
            client.describe_pipeline_execution(PipelineExecutionArn=execution["PipelineExecutionArn"])
    except client.exceptions.ClientError:
        return []
    return found


def test_an_execution_whose_client_is_killed_comes_to_its_end(
    account: rehearsal._World, plugins: Registry, tmp_path: Path
) -> None:
    """Killed as soon as there is an execution, with or without a record of it: `attach` has its result."""
    del account
    name = "killed-client"
    (tmp_path / "pipeline.yaml").write_text(pipeline(pipeline=name).to_yaml(), encoding="utf-8")
    with subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path / "pipeline.yaml"), STORE]) as client:
        until = time.monotonic() + 100
        while not (found := executions(name)):
            assert client.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        client.kill()
    arn = found[0]["PipelineExecutionArn"]
    assert "Succeeded" == wait_for_end(arn)

    result = attach(arn.rpartition("/")[2], store=STORE, registry=plugins, progress=Progress())

    assert () == result.failures
    assert all(entry.deleted for entry in result.run.ledger())


def test_two_runs_of_one_pipeline_at_once(account: rehearsal._World, plugins: Registry) -> None:
    """Each is an execution with a record of its own, and both come to the same end."""
    del account
    made = pipeline(pipeline="twice")
    runs = [made.run(store=STORE, detach=True, registry=plugins, progress=Progress()).run for _ in range(2)]
    assert runs[0].id != runs[1].id
    for execution in executions("twice"):
        assert "Succeeded" == wait_for_end(execution["PipelineExecutionArn"])

    results = [attach(run.id, store=STORE, registry=plugins, progress=Progress()) for run in runs]

    assert [(), ()] == [result.failures for result in results]
    assert {1.0} == {result.leaderboards[0].cells[0].estimates["exact"].mean for result in results}
    for run in runs:
        reopened = Run.open(open_store(STORE, plugins), run.id)
        assert all(reopened.record(step.name) is not None for step in reopened.plan.steps)
