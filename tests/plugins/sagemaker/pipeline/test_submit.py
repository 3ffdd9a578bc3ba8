"""Sending a pipeline to SageMaker, against moto."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.pipeline import submit
from llmops_plugins.sagemaker.pipeline.compile import Compiled, Place
from llmops_plugins.sagemaker.pipeline.graph import StepGraph
from llmops_plugins.sagemaker.pipeline.submit import CREATED_BY, start, stop
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk import UserError

from ..fixtures import BUCKET, ROLE, SETTINGS, Cloud, interrupt

DEFINITION = json.dumps({"Version": "2020-12-01", "Parameters": [], "Steps": []})
COMPILED = Compiled(DEFINITION, {(BUCKET, "llmops/plans/hash/ab12/wheel"): b"wheel"}, ())
PLACE = Place(BUCKET, f"s3://{BUCKET}/llmops/plans/hash/ab12", f"s3://{BUCKET}/llmops/plans/hash/plan.json")
KEY = "arn:aws:kms:us-east-1:123456789012:key/k"


@pytest.fixture(name="account")
def _account(cloud: Cloud) -> Aws:
    """An account with a bucket."""
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    cloud.calls.clear()
    return Aws(SageMakerSettings.from_mapping({**SETTINGS, "bucket": BUCKET, "kms_key": KEY}))


def graph(name: str = "llmops-x", **changes: Any) -> StepGraph:
    """Return a graph without nodes, as far as submitting it is concerned."""
    fields = {
        "pipeline": name,
        "plan": "hash",
        "parameters": (),
        "nodes": (),
        "retries": (),
        "max_parallel": 3,
        "keep_alive_seconds": 0,
        "volume_gb": 30,
        "max_run_seconds": 60,
        "tags": {"team": "nlp"},
        "notes": (),
    }
    return StepGraph(**{**fields, **changes})


def test_a_pipeline_is_uploaded_created_and_started(account: Aws, cloud: Cloud) -> None:
    """Its files are encrypted; description, role, tags and limit of parallel steps are set."""
    arn = start(account, graph(), COMPILED, PLACE)

    stored = boto3.client("s3").get_object(Bucket=BUCKET, Key="llmops/plans/hash/ab12/wheel")
    assert (b"wheel", KEY) == (stored["Body"].read(), stored["SSEKMSKeyId"])
    (created,) = cloud.requests("CreatePipeline")
    assert f"{CREATED_BY}, plan hash" == created["PipelineDescription"]
    assert (ROLE, DEFINITION, [{"Key": "team", "Value": "nlp"}]) == (
        created["RoleArn"],
        created["PipelineDefinition"],
        created["Tags"],
    )
    (started,) = cloud.requests("StartPipelineExecution")
    assert [{"MaxParallelExecutionSteps": 3}] * 2 == [
        request["ParallelismConfiguration"] for request in (created, started)
    ]
    assert ":pipeline/llmops-x/execution/" in arn


def test_our_pipeline_is_updated(account: Aws, cloud: Cloud) -> None:
    """A second start replaces the definition, and has a token of its own."""
    arns = [start(account, graph(), COMPILED, PLACE) for _ in range(2)]

    assert 2 == len(set(arns))
    assert [1, 1] == [len(cloud.requests(action)) for action in ("CreatePipeline", "UpdatePipeline")]
    assert 2 == len({request["ClientRequestToken"] for request in cloud.requests("StartPipelineExecution")})


def test_a_foreign_pipeline_is_not_replaced(account: Aws, cloud: Cloud) -> None:
    """The error names the option that sets another name."""
    boto3.client("sagemaker").create_pipeline(
        PipelineName="theirs", PipelineDefinition='{"Steps": []}', RoleArn=ROLE, ClientRequestToken="t" * 32
    )
    with pytest.raises(
        UserError, match=r"has a pipeline 'theirs' that llmops-sdk did not create: .* option 'pipeline'"
    ):
        start(account, graph("theirs"), COMPILED, PLACE)
    assert [[], []] == [cloud.requests(action) for action in ("UpdatePipeline", "StartPipelineExecution")]


def test_a_large_definition_is_uploaded(account: Aws, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request holds 100 kB at most."""
    monkeypatch.setattr(submit, "_LARGEST_INLINE", 10)
    start(account, graph(), COMPILED, PLACE)

    (created,) = cloud.requests("CreatePipeline")
    key = "llmops/plans/hash/ab12/llmops-x/definitions/hash.json"
    assert {"Bucket": BUCKET, "ObjectKey": key} == created["PipelineDefinitionS3Location"]
    assert DEFINITION.encode() == boto3.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()


def test_ctrl_c_during_the_start_stops_the_execution(account: Aws, cloud: Cloud) -> None:
    """SageMaker's answer is awaited first, so that the ARN is known."""
    cloud.on_call = lambda action: interrupt() if action == "StartPipelineExecution" else None
    cloud.faults["StopPipelineExecution"] = [(400, "ValidationException", "it has ended")]

    with pytest.raises(KeyboardInterrupt):
        start(account, graph(), COMPILED, PLACE)

    assert 1 == len(cloud.requests("StopPipelineExecution"))


def test_an_execution_that_cannot_be_stopped_is_reported(account: Aws, cloud: Cloud) -> None:
    """The error shows how to reconnect; an execution that has ended is no error."""
    arn = f"{start(account, graph(), COMPILED, PLACE)}"
    cloud.faults["StopPipelineExecution"] = [
        (400, "ConflictException", "it has ended"),
        (400, "AccessDeniedException", "not you"),
    ]
    stop(account, arn)
    with pytest.raises(
        UserError, match=r"cannot be stopped: AWS denied access: not you; .* reconnect with: llmops attach"
    ):
        stop(account, arn)
