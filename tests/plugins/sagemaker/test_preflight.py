"""What is looked at before a run costs anything, against moto; quotas come from a server of the test's own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from llmops_plugins.sagemaker import preflight as guards
from llmops_sdk import Pipeline, UserError
from llmops_sdk.cli.main import main
from llmops_sdk.planning.preflight import preflight_checks as guards_of
from llmops_sdk.planning.preflight import run_check
from llmops_sdk.plugin import Check, Finding
from llmops_sdk.plugin.registry import Registry

from .conftest import BUCKET, REGION, ROLE, SETTINGS, TRUST, Cloud, Edit
from .loopback import Answer, Asked, served


@pytest.fixture(name="quotas")
def _quotas(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, float]]:
    """Service Quotas, which moto does not have: two to a page. Empty, it denies access."""
    del cloud
    known: dict[str, float] = {}

    def answer(asked: Asked) -> Answer:
        assert "sagemaker" == asked.body["ServiceCode"]
        if not known:
            return Answer({"__type": "AccessDeniedException", "message": "no"}, 400)
        start = int(asked.body.get("NextToken", 0))
        page = [{"QuotaName": name, "Value": value} for name, value in list(known.items())[start : start + 2]]
        more = {"NextToken": str(start + 2)} if start + 2 < len(known) else {}
        return Answer({"Quotas": page, **more})

    with served(answer) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SERVICE_QUOTAS", url)
        yield known


def found(name: str, settings: Mapping[str, Any] = SETTINGS) -> Finding:
    """What a check of the account finds."""
    made = guards.Guards({"sagemaker": settings})
    checks: list[Check] = [made.image(), *made.account()]
    return run_check({check.name: check for check in checks}[name])


def article(**model: Any) -> Pipeline:
    base = Pipeline.builder("article").with_prompt("alpaca").with_evaluator("echo-score").with_dataset("lines")
    return base.with_settings("sagemaker", **SETTINGS).with_model(
        "llama-2-7b", version="4.*", accept_eula=True, **model
    )


@pytest.mark.usefixtures("cloud")
def test_all_is_well() -> None:
    """The role is there and SageMaker may take it; a bucket that is missing will be made."""
    assert Finding("ok", ROLE) == found("SageMaker role")
    assert Finding("ok", f"{BUCKET}, which will be made") == found("S3 bucket")
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    assert Finding("ok", BUCKET) == found("S3 bucket")


@pytest.mark.usefixtures("cloud")
def test_a_region_that_is_misspelt() -> None:
    """A warning: there may be regions that are newer than the installed boto3."""
    assert Finding("ok", "cn-north-1") == found("AWS region", {**SETTINGS, "region": "cn-north-1"})
    told = found("AWS region", {**SETTINGS, "region": "eu-cental-1"})
    assert ("warning", "boto3 knows no SageMaker in 'eu-cental-1'; did you mean 'eu-central-1'?") == (
        told.status,
        told.text,
    )


@pytest.mark.usefixtures("cloud")
def test_a_role_that_is_not_there_or_not_for_sagemaker() -> None:
    """Each with what mends it."""
    missing = found("SageMaker role", {**SETTINGS, "role": ROLE.replace("llmops", "other")})
    assert ("error", "there is no arn:aws:iam::123456789012:role/other") == (missing.status, missing.text)

    other = json.dumps(TRUST).replace("sagemaker", "ec2")
    boto3.client("iam").create_role(RoleName="for-ec2", AssumeRolePolicyDocument=other)
    untrusted = found("SageMaker role", {**SETTINGS, "role": "for-ec2"})
    assert ("error", True) == (untrusted.status, untrusted.text.endswith("role/for-ec2 cannot be taken by SageMaker"))

    assert (
        "of another account" in found("SageMaker role", {**SETTINGS, "role": "arn:aws:iam::999999999999:role/x"}).text
    )


def test_a_role_that_may_not_be_read_is_taken_on_trust(cloud: Cloud) -> None:
    """Many users may use a role and not read it."""
    cloud.faults["GetRole"] = [(403, "AccessDenied", "not you")]
    assert Finding("ok", f"{ROLE}; who may take it cannot be read") == found("SageMaker role")


@pytest.mark.usefixtures("cloud")
def test_a_bucket_that_is_not_there_or_elsewhere() -> None:
    """A named one is not made; one of another region serves no job."""
    named = {**SETTINGS, "bucket": "mine"}
    assert Finding("error", "there is no bucket 'mine'", "make it, or name another one") == found("S3 bucket", named)

    place = {"LocationConstraint": "eu-west-1"}
    boto3.client("s3", region_name="eu-west-1").create_bucket(Bucket="mine", CreateBucketConfiguration=place)
    remote = found("S3 bucket", named)
    assert ("error", f"'mine' is in eu-west-1, and the jobs in {REGION}") == (remote.status, remote.text)


@pytest.mark.usefixtures("cloud")
def test_credentials_are_told_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without them every check says the same."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    told = found("SageMaker role")
    assert "error" == told.status
    assert "there are no AWS credentials: type 'aws configure'" in told.text


@pytest.mark.parametrize(
    ("image", "python", "sdk", "status", "text"),
    [
        ("", (3, 10), "2.253.1", "ok", "SageMaker's own image; Python 3.10"),
        ("", (3, 11), "2.253.1", "error", "SageMaker has none for Python 3.11"),
        (
            "1.dkr.ecr.x/pytorch-training:2.0.0-gpu-py310",
            (3, 11),
            "2.253.1",
            "error",
            "has Python 3.10, and this is 3.11",
        ),
        ("1.dkr.ecr.x/pytorch-training:2.6.0-gpu-py311", (3, 11), "2.257.7", "ok", "Python 3.11, sagemaker 2.257.7"),
        ("1.dkr.ecr.x/mine:1", (3, 12), "2.257.7", "ok", "mine:1"),
        ("1.dkr.ecr.x/mine:1", (3, 12), "2.256.0", "error", "sagemaker 2.256.0 cannot run steps"),
    ],
)
def test_the_image_fits_this_python(
    cloud: Cloud,
    monkeypatch: pytest.MonkeyPatch,
    image: str,
    python: tuple[int, int],
    sdk: str,
    status: str,
    text: str,
) -> None:
    """Functions are pickled, so that the minor version must be the same."""
    del cloud
    monkeypatch.setattr(sys, "version_info", (*python, 1, "final", 0))
    monkeypatch.setattr(guards, "version", lambda _: sdk)
    told = found("image of the steps", {**SETTINGS, "image_uri": image})

    assert status == told.status
    assert text in told.text
    assert (status == "ok") == (not told.hint)


def test_a_quota_of_nothing_stops_the_run(
    quotas: dict[str, float], jumpstart: Edit, cloud: Cloud, registry: Registry, tmp_path: Path
) -> None:
    """Before anything is created; the instance is the one that JumpStart would take."""
    del jumpstart
    quotas |= {"a": 1, "b": 1, "ml.g5.12xlarge for training job usage": 0, "ml.g5.2xlarge for endpoint usage": 2}
    with pytest.raises(UserError) as refused:
        article().run(store=tmp_path / "runs", registry=registry)

    message = str(refused.value)
    assert message.startswith(
        "nothing was started: quota ml.g5.12xlarge for training job usage: it is 0 in us-east-1, and 1 is needed; ask"
    )
    assert "endpoint usage" not in message
    assert [] == cloud.created
    assert not (tmp_path / "runs" / "runs").exists()


def test_quotas_of_what_was_chosen(quotas: dict[str, float], jumpstart: Edit, registry: Registry) -> None:
    """Spot instances and several of them have quotas of their own; what cannot be read is not looked at."""
    del jumpstart
    quotas |= {"ml.g5.48xlarge for spot training job usage": 2, "ml.g5.12xlarge for endpoint usage": 2}
    spot = {"instance_type": "ml.g5.48xlarge", "spot": True, "max_run": 60, "max_wait": 60}
    made = article(
        trainer={"use": "jumpstart", **spot, "instance_count": 2},
        deployer={"use": "sagemaker-endpoint", "instance_type": "ml.g5.12xlarge", "instance_count": 3},
    )
    looked = {check.name: run_check(check) for check in guards_of(made.build(registry), registry)}

    assert Finding("ok", "2") == looked["quota ml.g5.48xlarge for spot training job usage"]
    assert "it is 2 in us-east-1, and 3 are needed" == looked["quota ml.g5.12xlarge for endpoint usage"].text


@pytest.mark.usefixtures("quotas", "jumpstart")
def test_what_may_not_be_read_stops_nothing(registry: Registry) -> None:
    """Quotas are a permission of their own."""
    looked = {check.name: run_check(check) for check in guards_of(article().build(registry), registry)}

    assert {"ok"} == {finding.status for finding in looked.values()}
    assert "cannot be read, and is not looked at" == looked["quota ml.g5.2xlarge for endpoint usage"].text


def test_a_pipeline_needs_quotas_for_its_steps(quotas: dict[str, float], jumpstart: Edit, registry: Registry) -> None:
    """Of training jobs, or of warm pools where instances are kept."""
    del jumpstart
    quotas |= {"ml.m5.xlarge for training warm pool usage": 0, "ml.m5.large for training job usage": 5}
    executor = {"train_instance_type": "ml.m5.xlarge", "keep_alive_seconds": 300}
    plan = article().with_executor("sagemaker", **executor).build(registry)
    looked = {check.name: run_check(check) for check in guards_of(plan, registry)}

    assert "error" == looked["quota ml.m5.xlarge for training warm pool usage"].status
    assert "image of the steps" in looked


@pytest.mark.usefixtures("jumpstart", "quotas")
def test_doctor_and_plan_tell_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`doctor --for` shows all; `plan` what is not well."""
    path = tmp_path / "pipeline.yaml"
    made = Pipeline.builder("article").with_dataset("sample").with_prompt("alpaca").with_evaluator("text-metrics")
    made = made.with_model("llama-2-7b", version="4.*", accept_eula=True)
    path.write_text(made.with_settings("sagemaker", **SETTINGS, bucket="mine").to_yaml())

    assert 1 == main(["doctor", "--for", str(path)])
    out = capsys.readouterr().out
    assert "error    S3 bucket: there is no bucket 'mine'; make it, or name another one" in out
    assert f"ok       SageMaker role: {ROLE}" in out

    assert 0 == main(["plan", str(path)])
    out = capsys.readouterr().out
    assert "S3 bucket: there is no bucket 'mine'" in out
    assert "SageMaker role" not in out
