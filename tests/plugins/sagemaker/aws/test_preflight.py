"""The checks before a run costs anything, against moto; a server of the test has the quotas."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from llmops_plugins.sagemaker.aws.preflight import Preflight
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk import Pipeline, Progress, UserError
from llmops_sdk.cli.main import main
from llmops_sdk.planning.preflight import preflight_checks, require, run_check
from llmops_sdk.plugin import Finding
from llmops_sdk.plugin.registry import Registry

from ..fixtures import BUCKET, MODEL_ID, REGION, ROLE, SETTINGS, TRUST, Cloud, Edit
from ..loopback import Asked, ServerAnswer, served


@pytest.fixture(name="quotas")
def _quotas(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, float]]:
    """Service Quotas, which moto lacks, two on a page. Without quotas, access is denied."""
    del cloud
    quotas: dict[str, float] = {}

    def answer(asked: Asked) -> ServerAnswer:
        assert "sagemaker" == asked.body["ServiceCode"]
        if not quotas:
            return ServerAnswer({"__type": "AccessDeniedException", "message": "no"}, 400)
        start = int(asked.body.get("NextToken", 0))
        page = [{"QuotaName": name, "Value": value} for name, value in list(quotas.items())[start : start + 2]]
        more = {"NextToken": str(start + 2)} if start + 2 < len(quotas) else {}
        return ServerAnswer({"Quotas": page, **more})

    with served(answer) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SERVICE_QUOTAS", url)
        yield quotas


def run_account_check(name: str, settings: Mapping[str, Any] = SETTINGS) -> Finding:
    """Run a check of the account."""
    preflight = Preflight(SageMakerSettings.from_mapping(settings))
    return run_check({check.name: check for check in preflight.account()}[name])


def article(**model: Any) -> Pipeline:
    base = Pipeline.builder("article").with_prompt("alpaca").with_evaluator("echo-score").with_dataset("lines")
    return base.with_settings("sagemaker", **SETTINGS).with_model(
        "llama-2-7b", version="4.*", accept_eula=True, **model
    )


@pytest.mark.usefixtures("cloud")
def test_role_and_bucket_pass() -> None:
    """SageMaker may assume the role; a missing default bucket will be created."""
    assert Finding("ok", ROLE) == run_account_check("SageMaker role")
    assert Finding("ok", f"{BUCKET}, which will be created") == run_account_check("S3 bucket")
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    assert Finding("ok", BUCKET) == run_account_check("S3 bucket")


@pytest.mark.usefixtures("cloud")
def test_an_unknown_region_is_a_warning() -> None:
    """It may be newer than the installed boto3."""
    assert Finding("ok", "cn-north-1") == run_account_check("AWS region", {**SETTINGS, "region": "cn-north-1"})
    finding = run_account_check("AWS region", {**SETTINGS, "region": "eu-cental-1"})
    assert ("warning", "boto3 knows no SageMaker in 'eu-cental-1'; did you mean 'eu-central-1'?") == (
        finding.status,
        finding.text,
    )


@pytest.mark.usefixtures("cloud")
def test_a_missing_role_and_one_without_trust_are_errors() -> None:
    """A role of another account cannot be checked."""
    missing = run_account_check("SageMaker role", {**SETTINGS, "role": ROLE.replace("llmops", "other")})
    assert ("error", "there is no arn:aws:iam::123456789012:role/other") == (missing.status, missing.text)

    other = json.dumps(TRUST).replace("sagemaker", "ec2")
    boto3.client("iam").create_role(RoleName="for-ec2", AssumeRolePolicyDocument=other)
    untrusted = run_account_check("SageMaker role", {**SETTINGS, "role": "for-ec2"})
    assert ("error", True) == (
        untrusted.status,
        untrusted.text == "SageMaker cannot assume arn:aws:iam::123456789012:role/for-ec2",
    )

    assert (
        "in another account"
        in run_account_check("SageMaker role", {**SETTINGS, "role": "arn:aws:iam::999999999999:role/x"}).text
    )


def test_a_role_that_may_not_be_read_passes(cloud: Cloud) -> None:
    """Many users may pass a role to SageMaker but not read it."""
    cloud.faults["GetRole"] = [(403, "AccessDenied", "not you")]
    assert Finding("ok", f"{ROLE}; no permission to read its trust policy") == run_account_check("SageMaker role")


@pytest.mark.usefixtures("cloud")
def test_a_missing_bucket_and_one_in_another_region_are_errors() -> None:
    """A bucket of the settings is not created."""
    named = {**SETTINGS, "bucket": "mine"}
    assert Finding("error", "there is no bucket 'mine'", "create it, or set another one") == run_account_check(
        "S3 bucket", named
    )

    place = {"LocationConstraint": "eu-west-1"}
    boto3.client("s3", region_name="eu-west-1").create_bucket(Bucket="mine", CreateBucketConfiguration=place)
    remote = run_account_check("S3 bucket", named)
    assert ("error", f"'mine' is in eu-west-1, but the jobs run in {REGION}") == (remote.status, remote.text)


def test_expired_credentials_are_one_error_of_all_checks(cloud: Cloud, jumpstart: Edit, registry: Registry) -> None:
    """They report once what to type."""
    del jumpstart
    cloud.faults["GetCallerIdentity"] = [(403, "ExpiredToken", "old")] * 20
    with pytest.raises(UserError) as refused:
        require(preflight_checks(article().build(registry), registry), Progress())

    message = str(refused.value)
    assert message.startswith(
        "nothing was started: AWS account, SageMaker role, S3 bucket: AWS identity: the AWS credentials have"
    )
    assert 1 == message.count("have expired")


def test_the_account_and_the_key_are_checked(cloud: Cloud) -> None:
    """The key only if there is one."""
    del cloud
    assert "123456789012, as arn:aws:" in run_account_check("AWS account").text
    names = [check.name for check in Preflight(SageMakerSettings(region=REGION)).account()]
    assert ["AWS account", "AWS region", "SageMaker role", "S3 bucket"] == names
    assert "error" == run_account_check("KMS key", {**SETTINGS, "kms_key": "k"}).status


@pytest.mark.usefixtures("quotas")
def test_a_region_without_an_image_is_an_error_before_the_run(jumpstart: Edit, registry: Registry) -> None:
    """It names the option; with an image of the user's, the model passes."""
    del jumpstart
    remote = {**SETTINGS, "region": "eu-north-1"}
    plan = article().with_settings("sagemaker", **remote).build(registry)
    findings = {check.name: run_check(check) for check in preflight_checks(plan, registry)}
    training = f"training of JumpStart's {MODEL_ID} 4.* on ml.g5.12xlarge"
    finding = findings[training]
    assert "error" == finding.status
    assert "names no image for training" in finding.text
    assert "set image_uri to one that you have there" in finding.text

    image = {"image_uri": "111122223333.dkr.ecr.us-west-2.amazonaws.com/i:1"}
    pipeline = article(trainer={"use": "jumpstart", **image}).with_settings("sagemaker", **remote)
    findings = {check.name: run_check(check) for check in preflight_checks(pipeline.build(registry), registry)}
    assert "ok" == findings[training].status
    in_ecr = findings[f"image {image['image_uri']} in ECR"]
    assert "the image is in us-west-2, but the jobs run in eu-north-1" == in_ecr.text


def test_a_warm_pool_needs_its_quota(quotas: dict[str, float], jumpstart: Edit, registry: Registry) -> None:
    """A quota of 0, which new accounts have, is an error."""
    del jumpstart
    quotas |= {"ml.g5.12xlarge for training warm pool usage": 0}
    plan = article(trainer={"use": "jumpstart", "warm_pool": 600}).build(registry)
    findings = {check.name: run_check(check) for check in preflight_checks(plan, registry)}
    assert "error" == findings["quota ml.g5.12xlarge for training warm pool usage"].status


@pytest.mark.usefixtures("cloud")
def test_missing_credentials_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the commands that fix it."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    finding = run_account_check("SageMaker role")
    assert "error" == finding.status
    assert "there are no AWS credentials: run 'aws configure'" in finding.text


def test_a_quota_of_zero_stops_the_run(
    quotas: dict[str, float], jumpstart: Edit, cloud: Cloud, registry: Registry, tmp_path: Path
) -> None:
    """Nothing is created; the checked instance type is JumpStart's default."""
    del jumpstart
    quotas |= {"a": 1, "b": 1, "ml.g5.12xlarge for training job usage": 0, "ml.g5.2xlarge for endpoint usage": 2}
    with pytest.raises(UserError) as refused:
        article().run(store=tmp_path / "runs", registry=registry)

    message = str(refused.value)
    assert message.startswith(
        "nothing was started: quota ml.g5.12xlarge for training job usage: the quota is 0 in us-east-1; this run needs 1; request"
    )
    assert "endpoint usage" not in message
    assert [] == cloud.created
    assert not (tmp_path / "runs" / "runs").exists()


def test_the_quota_depends_on_the_options(quotas: dict[str, float], jumpstart: Edit, registry: Registry) -> None:
    """The instance type, spot instances and the number of instances count."""
    del jumpstart
    quotas |= {"ml.g5.48xlarge for spot training job usage": 2, "ml.g5.12xlarge for endpoint usage": 2}
    spot = {"instance_type": "ml.g5.48xlarge", "spot": True, "max_run": 60, "max_wait": 60}
    pipeline = article(
        trainer={"use": "jumpstart", **spot, "instance_count": 2},
        deployer={"use": "sagemaker-endpoint", "instance_type": "ml.g5.12xlarge", "instance_count": 3},
    )
    findings = {check.name: run_check(check) for check in preflight_checks(pipeline.build(registry), registry)}

    assert Finding("ok", "2") == findings["quota ml.g5.48xlarge for spot training job usage"]
    assert "the quota is 2 in us-east-1; this run needs 3" == findings["quota ml.g5.12xlarge for endpoint usage"].text


@pytest.mark.usefixtures("quotas", "jumpstart")
def test_quotas_that_may_not_be_read_pass(registry: Registry) -> None:
    """Reading quotas needs a separate permission."""
    findings = {check.name: run_check(check) for check in preflight_checks(article().build(registry), registry)}

    assert {"ok"} == {finding.status for finding in findings.values()}
    assert "cannot be read: not checked" == findings["quota ml.g5.2xlarge for endpoint usage"].text


def test_the_steps_of_a_pipeline_need_quotas(quotas: dict[str, float], jumpstart: Edit, registry: Registry) -> None:
    """Steps are training jobs; with kept instances, the quota of warm pools counts."""
    del jumpstart
    quotas |= {"ml.m5.xlarge for training warm pool usage": 0, "ml.m5.large for training job usage": 5}
    executor = {"train_instance_type": "ml.m5.xlarge", "keep_alive_seconds": 300}
    plan = article().with_executor("sagemaker", **executor).build(registry)
    findings = {check.name: run_check(check) for check in preflight_checks(plan, registry)}

    assert "error" == findings["quota ml.m5.xlarge for training warm pool usage"].status
    assert "image of the steps" in findings


@pytest.mark.usefixtures("jumpstart", "quotas")
def test_doctor_and_plan_show_the_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`doctor --for` shows all of them; `plan` only the failed ones."""
    path = tmp_path / "pipeline.yaml"
    pipeline = Pipeline.builder("article").with_dataset("sample").with_prompt("alpaca").with_evaluator("text-metrics")
    pipeline = pipeline.with_model("llama-2-7b", version="4.*", accept_eula=True)
    path.write_text(pipeline.with_settings("sagemaker", **SETTINGS, bucket="mine").to_yaml())

    assert 2 == main(["doctor", "--for", str(path)])
    out = capsys.readouterr().out
    assert "error    S3 bucket: there is no bucket 'mine'\n         fix: create it, or set another one" in out
    assert f"ok       SageMaker role: {ROLE}" in out

    assert 2 == main(["plan", str(path)])
    out = capsys.readouterr().out
    assert "S3 bucket: there is no bucket 'mine'" in out
    assert "SageMaker role" not in out
