"""The documented policies allow what whole runs request, and nothing that they do not need."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sagemaker")

import attrs
from botocore.client import BaseClient

from llmops_sdk.plugin.registry import Registry

from ...plugins.sagemaker.fixtures import BUCKET, REGION, Account, Cloud
from .executions import Executions, plan_uri, put_executions
from .whole_runs import article, llmops, written

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "aws-permissions.md"
ACCOUNT = "123456789012"
STORE = f"s3://{BUCKET}/llmops"

pytestmark = pytest.mark.usefixtures("jumpstart", "home", "runtime")

# The names of S3's operations are not those of its actions.
S3_ACTIONS = {
    "AbortMultipartUpload": ("s3:AbortMultipartUpload",),
    "CompleteMultipartUpload": ("s3:PutObject",),
    "CreateBucket": ("s3:CreateBucket",),
    "CreateMultipartUpload": ("s3:PutObject",),
    "DeleteObject": ("s3:DeleteObject",),
    "GetObject": ("s3:GetObject",),
    "HeadBucket": ("s3:ListBucket",),
    "HeadObject": ("s3:GetObject",),
    "ListObjectsV2": ("s3:ListBucket",),
    "PutObject": ("s3:PutObject",),
    "UploadPart": ("s3:PutObject",),
}
PREFIXES = {
    "sagemaker": "sagemaker",
    "sagemaker-runtime": "sagemaker",
    "iam": "iam",
    "logs": "logs",
    "cloudwatch": "cloudwatch",
    "service-quotas": "servicequotas",
}
NOUNS = {
    "EndpointConfigName": "endpoint-config",
    "EndpointName": "endpoint",
    "ModelName": "model",
    "PipelineName": "pipeline",
    "TrainingJobName": "training-job",
}


@attrs.frozen
class Use:
    """An action on a resource."""

    action: str
    resource: str


def uses(service: str, operation: str, request: Mapping[str, Any]) -> Iterator[Use]:
    """Yield what a request needs; `sts:GetCallerIdentity` needs nothing."""
    if service == "s3":
        yield from s3_uses(operation, request)
    elif service != "sts":
        action = f"{PREFIXES[service]}:{operation}"
        for resource in resources(service, operation, request):
            yield Use(action, resource)
            if request.get("Tags"):
                yield Use("sagemaker:AddTags", resource)
        for name in ("RoleArn", "ExecutionRoleArn"):
            if name in request:
                yield Use("iam:PassRole", request[name])


def s3_uses(operation: str, request: Mapping[str, Any]) -> Iterator[Use]:
    bucket = f"arn:aws:s3:::{request['Bucket']}"
    if operation == "DeleteObjects":
        for item in request["Delete"]["Objects"]:
            yield Use("s3:DeleteObject", f"{bucket}/{item['Key']}")
    elif operation == "CopyObject":
        source = request["CopySource"]
        yield Use("s3:GetObject", f"arn:aws:s3:::{source['Bucket']}/{source['Key']}")
        yield Use("s3:PutObject", f"{bucket}/{request['Key']}")
    else:
        for action in S3_ACTIONS[operation]:
            yield Use(action, f"{bucket}/{request['Key']}" if "Key" in request else bucket)


def resources(service: str, operation: str, request: Mapping[str, Any]) -> Iterator[str]:
    """Yield the resources of a request, as the service's table of actions lists them."""
    arn = f"arn:aws:{{}}:{REGION}:{ACCOUNT}:{{}}"
    named = [f"{noun}/{request[name].lower()}" for name, noun in NOUNS.items() if name in request]
    if operation in ("CreateEndpointConfig", "CreateModel"):
        named = named[:1]
    if service == "iam":
        yield f"arn:aws:iam::{ACCOUNT}:role/{request['RoleName']}"
    elif service == "logs":
        yield arn.format("logs", f"log-group:{request['logGroupName']}:log-stream:")
    elif given := request.get("ResourceArn") or request.get("PipelineExecutionArn"):
        yield given
    elif named and service.startswith("sagemaker"):
        yield from (arn.format("sagemaker", each) for each in named)
    else:
        yield "*"


@attrs.define
class Recorded:
    """What was used."""

    uses: set[Use] = attrs.field(factory=set)


@contextmanager
def recorded() -> Iterator[Recorded]:
    """Record the requests of all of boto3's clients of this process."""
    kept, call = Recorded(), BaseClient._make_api_call

    def recording(self: Any, operation_name: str, api_params: Any) -> Any:
        service = self.meta.service_model.service_name
        kept.uses.update(uses(service, operation_name, api_params))
        return call(self, operation_name, api_params)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", recording)
        yield kept


@attrs.frozen
class Policy:
    """A policy of the page."""

    statements: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]

    @property
    def actions(self) -> set[str]:
        return {action for actions, _ in self.statements for action in actions}

    def allows(self, use: Use) -> bool:
        return any(
            use.action in actions and any(fnmatchcase(use.resource, pattern) for pattern in patterns)
            for actions, patterns in self.statements
        )


def policies() -> Iterator[Policy]:
    """Yield the policies of the page: the one of the user, and the one of the execution role."""
    for text in re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL):
        statements = json.loads(text.replace("111122223333", ACCOUNT))["Statement"]
        yield Policy(tuple((listed(each["Action"]), listed(each["Resource"])) for each in statements))


def listed(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def rare() -> dict[str, str]:
    """Return the actions that not every run needs, and when they are needed."""
    return dict(re.findall(r"^\| `([\w:]+)` \| (.+) \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE))


@pytest.fixture(name="executions")
def _executions(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Executions:
    del cloud
    return put_executions(REGION, monkeypatch)


def test_the_policies_allow_what_whole_runs_request_and_no_more(
    cloud: Cloud,
    executions: Executions,
    account: Account,
    registry: Registry,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A local run with training, one whose job and endpoint fail, a pipeline, and `gc`."""
    user, role = policies()
    piped = article(settings={"image_uri": "image:1"}, version="4.*").with_executor("sagemaker", poll_seconds=0.01)
    path = written(article(version="4.*", trainer={"hyperparameters": {"epoch": "2"}}), tmp_path)
    with recorded() as of_user:
        assert 0 == llmops(capsys, "run", path, "--store", str(tmp_path / "runs")).code
        cloud.endpoint_stages = [("Failed", "no reason")]
        assert 3 == llmops(capsys, "run", path, "--store", str(tmp_path / "others")).code
        cloud.endpoint_stages = [("Creating", ""), ("InService", "")]
        assert 0 == llmops(capsys, "run", written(piped, tmp_path), "--detach", "--store", STORE).code
    (run_id,) = executions.statuses
    with recorded() as of_role:
        assert "Succeeded" == executions.run(run_id, plan_uri(piped.build(registry), STORE))
    account.endpoint("llmops-left", run_id="lost")
    with recorded() as of_user_later:
        assert 0 == llmops(capsys, "attach", run_id, "--store", STORE).code
        assert 0 == llmops(capsys, "gc", "--run", "lost", "--force", "--store", STORE).code
    of_user.uses |= of_user_later.uses

    for policy, kept in ((user, of_user), (role, of_role)):
        assert [] == sorted(f"{use.action} on {use.resource}" for use in kept.uses if not policy.allows(use))
        used = {use.action for use in kept.uses}
        assert set() == policy.actions - used - rare().keys()
    used = {use.action for use in of_user.uses} & {use.action for use in of_role.uses}
    assert set() == rare().keys() - user.actions - role.actions
    assert {"s3:PutObject", "sagemaker:CreateEndpoint", "iam:PassRole", "sagemaker:AddTags"} <= used
