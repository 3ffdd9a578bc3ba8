"""The settings of the plugin, its cards, and its checks in `doctor`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import llmops_plugins.sagemaker
from llmops_plugins.sagemaker.checks import checks
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk import Pipeline, SpecError
from llmops_sdk.plugin.registry import Registry

from .fixtures import Cloud

VPC = {"subnets": ["subnet-1"], "security_groups": ["sg-1"]}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"regoin": "us-east-1"}, "there is no 'regoin'; did you mean 'region'?"),
        ({"region": "virginia"}, "region must be a region such as 'us-east-1', not 'virginia'"),
        ({"role": "arn:aws:iam::1:user/me"}, "role must be the ARN"),
        ({"bucket": "s3://mine/runs"}, "bucket must be the name of a bucket, without 's3://' and folders"),
        ({"prefix": "/runs/"}, "prefix must be a prefix such as 'team/llmops', not '/runs/'"),
        ({"subnets": ["subnet-1"]}, "subnets and security_groups must be set together"),
        ({"subnets": "subnet-1"}, "expected a list, found 'subnet-1'"),
        ({"tags": {"llmops:run-id": "x"}}, "a tag must not start with 'llmops:' or 'aws:': 'llmops:run-id'"),
        ({"tags": {f"t{n}": "x" for n in range(41)}}, "at most 40 tags are allowed, not 41"),
        ({"expire_hours": 0}, "'expire_hours' must be > 0"),
    ],
)
def test_build_refuses_a_wrong_setting(given: dict[str, object], message: str, registry: Registry) -> None:
    """The error names the setting and its form."""
    with pytest.raises(SpecError) as found:
        Pipeline.builder().with_model("echo").with_evaluator("echo-score").with_settings("sagemaker", **given).build(
            registry
        )

    assert message in str(found.value)
    assert str(found.value).startswith("settings of 'sagemaker': ")
    assert "\n" not in str(found.value)


def test_the_plan_has_only_the_given_settings(registry: Registry) -> None:
    """The plugin adds the defaults when it reads them."""
    given = {"region": "eu-west-1", "tags": {"team": "nlp"}, **VPC}

    plan = (
        Pipeline.builder()
        .with_model("echo")
        .with_evaluator("echo-score")
        .with_settings("sagemaker", **given)
        .build(registry)
    )

    assert given == plan.settings["sagemaker"]
    read = SageMakerSettings.from_mapping(plan.settings["sagemaker"])
    assert ("eu-west-1", ("subnet-1",), "llmops") == (read.region, read.subnets, read.prefix)


def test_cards_import_nothing_heavy() -> None:
    """Listing plugins imports neither boto3 nor the SageMaker SDK."""
    code = (
        "import sys; import llmops_plugins.sagemaker.hooks as h; h.llmops_cards(); h.llmops_settings();"
        "print([m for m in ('boto3', 'botocore', 'sagemaker', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "[]" == done.stdout.strip()


def test_doctor_needs_no_network(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows versions, and the source of credentials and region, or how to fix them."""
    libraries, credentials = (check.run for check in checks())
    before = len(cloud.calls)

    assert ("ok", True) == (libraries().status, "boto3" in libraries().text)
    assert "found (env), region us-east-1" == credentials().text
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert ("warning", "found (env), but no region") == (credentials().status, credentials().text)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert ("warning", "aws configure") == (credentials().status, credentials().hint)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert "nobody" in credentials().text
    assert before == len(cloud.calls)


def test_few_modules_import_the_sagemaker_sdk() -> None:
    """`sdk/` loads it without side effects; besides, only the recorded JumpStart requests use it."""
    folder = Path(str(llmops_plugins.sagemaker.__file__)).parent
    importing = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if re.search(r"^\s*(from|import) sagemaker\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    }

    modules = {"sdk/config.py", "sdk/loading.py", "sdk/workflow.py", "jumpstart/requests.py", "endpoint/requests.py"}
    assert modules == importing
