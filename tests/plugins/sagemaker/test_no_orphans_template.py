"""The CloudFormation template of the how-to: moto creates its stack, and the code of its Lambda does what it promises."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

pytest.importorskip("moto")

import boto3

PATH = Path(__file__).parents[3] / "docs" / "how-to" / "no-orphans.yaml"
INLINE_LIMIT = 4096
"""The longest code that CloudFormation takes inside a template."""

PAST, FUTURE = "2020-01-01T00:00:00+00:00", "2120-01-01T00:00:00+00:00"


@pytest.fixture(name="template", scope="module")
def _template() -> Any:
    return yaml.safe_load(PATH.read_text(encoding="utf-8"))


@pytest.fixture(name="handler")
def _handler(template: Any, account: Any) -> Callable[..., list[str]]:  # noqa: ARG001 - there is an account
    """The function of the Lambda, from the text of the template."""
    code = template["Resources"]["Cleanup"]["Properties"]["Code"]["ZipFile"]
    assert len(code) <= INLINE_LIMIT
    module = ModuleType("index")
    exec(compile(code, "index.py", "exec"), module.__dict__)
    handler: Callable[..., list[str]] = module.handler
    return handler


def test_only_expired_resources_are_deleted(handler: Callable[..., list[str]], account: Any) -> None:
    """Endpoints with their configurations and models in every state that allows it, and jobs."""
    account.endpoint("llmops-old", run_id="r1", step="s", expires_at=PAST)
    account.endpoint("llmops-failed", "Failed", run_id="r2", step="s", expires_at=PAST)
    account.endpoint("llmops-creating", "Creating", run_id="r3", step="s", expires_at=PAST)
    account.endpoint("llmops-new", run_id="r4", step="s", expires_at=FUTURE)
    account.endpoint("llmops-damaged", run_id="r5", step="s", expires_at="soon")
    account.endpoint("llmops-lookalike", expires_at=PAST)
    account.job("llmops-job", run_id="r1", step="t", expires_at=PAST)

    deleted = handler({}, None)

    gone = {f"{kind} llmops-{name}" for kind in ("Endpoint", "EndpointConfig", "Model") for name in ("old", "failed")}
    assert {*gone, "TrainingJob llmops-job"} == set(deleted)
    stay = {"creating", "new", "damaged", "lookalike"}
    assert {f"{kind} llmops-{name}" for kind in ("endpoint", "endpoint-config", "model") for name in stay} == set(
        account.cloud.left()
    )
    account.backend.endpoints["llmops-creating"].endpoint_status = "InService"
    assert ["Endpoint llmops-creating", "EndpointConfig llmops-creating", "Model llmops-creating"] == handler({}, None)
    assert [] == handler({}, None)


def test_resources_of_a_failed_pipeline_are_deleted(handler: Callable[..., list[str]], account: Any) -> None:
    """The event of a failed or stopped execution deletes its resources, expired or not, and no others."""
    account.endpoint("llmops-a", run_id="abc123", step="s", expires_at=FUTURE)
    account.endpoint("llmops-b", run_id="other", step="s", expires_at=FUTURE)
    arn = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/p/execution/abc123"

    handler({"detail": {"pipelineExecutionArn": arn, "currentPipelineExecutionStatus": "Failed"}}, None)

    assert ["endpoint llmops-b", "endpoint-config llmops-b", "model llmops-b"] == account.cloud.left()


def test_the_policy_allows_exactly_the_requests_of_the_code(
    handler: Callable[..., list[str]], account: Any, template: Any
) -> None:
    """Deleting needs our tag."""
    account.endpoint("llmops-old", run_id="r1", step="s", expires_at=PAST)
    account.job("llmops-job", run_id="r1", step="t", expires_at=PAST)
    account.cloud.calls.clear()
    handler({}, None)
    asked = {f"sagemaker:{call.action}" for call in account.cloud.calls}

    looks, deletes = template["Resources"]["CleanupRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]

    assert asked == {*looks["Action"], *deletes["Action"]}
    assert all(":List" in action for action in looks["Action"])
    assert {"Null": {"aws:ResourceTag/llmops:run-id": "false"}} == deletes["Condition"]


def test_the_stack_can_be_created(account: Any) -> None:  # noqa: ARG001 - there is an account
    """It has two rules that call the function, each with permission."""
    boto3.client("cloudformation").create_stack(
        StackName="no-orphans", TemplateBody=PATH.read_text(encoding="utf-8"), Capabilities=["CAPABILITY_IAM"]
    )

    events, functions = boto3.client("events"), boto3.client("lambda")
    (function,) = functions.list_functions()["Functions"]
    rules = events.list_rules()["Rules"]
    assert 2 == len(rules)
    for rule in rules:
        (target,) = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        assert function["FunctionArn"] == target["Arn"]
    policy = functions.get_policy(FunctionName=function["FunctionName"])["Policy"]
    assert all(rule["Arn"] in policy for rule in rules)
    assert re.search(r"rate\(15 minutes\)", str(rules))
    assert "index" not in sys.modules
