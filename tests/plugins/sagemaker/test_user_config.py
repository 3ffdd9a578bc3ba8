"""The user's SageMaker config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("boto3")

import attrs
import yaml

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.endpoint.requests import endpoint_requests
from llmops_plugins.sagemaker.jumpstart.requests import training_request
from llmops_plugins.sagemaker.jumpstart.spec import read_spec
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_plugins.sagemaker.user_config import UserConfig
from llmops_sdk import UserError

from .choices import ENDPOINT, TRAINING
from .fixtures import MODEL_ID, ROLE, Cloud, has_sdk_2
from .oracle import sdk_endpoint_requests, sdk_training_request, sorted_tags

TAGS = [{"Key": "team", "Value": "a"}, {"Key": "llmops:run-id", "Value": "not this one"}]
VPC = {"Subnets": ["subnet-9"], "SecurityGroupIds": ["sg-9"]}
KEY = "arn:aws:kms:us-east-1:123456789012:key/k"
CONFIG = {
    "SchemaVersion": "1.0",
    "SageMaker": {
        "PythonSDK": {"Modules": {"Session": {"DefaultS3Bucket": "from-config"}}},
        "TrainingJob": {
            "RoleArn": f"{ROLE}-2",
            "Tags": TAGS,
            "VpcConfig": VPC,
            "OutputDataConfig": {"KmsKeyId": KEY},
            "EnableNetworkIsolation": False,
            "EnableInterContainerTrafficEncryption": False,
            "Environment": {"FROM": "config"},
        },
        "Model": {"VpcConfig": VPC, "EnableNetworkIsolation": False, "Tags": TAGS},
        "EndpointConfig": {"KmsKeyId": KEY, "Tags": TAGS},
        "Endpoint": {"Tags": TAGS},
    },
}


@pytest.fixture(name="config")
def _config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", str(path))
    return path


@pytest.mark.usefixtures("config")
def test_role_and_bucket_are_taken_from_it(aws: Aws, cloud: Cloud) -> None:
    """If the settings have none."""
    aws.client("s3").create_bucket(Bucket="from-config")
    own = Aws(SageMakerSettings())

    assert (f"{ROLE}-2", "from-config") == (own.role, own.bucket)
    assert (ROLE, "from-config") == (aws.role, aws.bucket)
    assert [] == cloud.created


@pytest.mark.skipif(not has_sdk_2(), reason="compares with the SageMaker SDK 2.x")
@pytest.mark.usefixtures("config")
@pytest.mark.filterwarnings("ignore:.*SageMaker Python SDK v2")
def test_requests_have_its_defaults_as_those_of_the_sdk(aws: Aws) -> None:
    """VPC, keys, network isolation, encryption, variables and tags, in the requests for the job and the endpoint."""
    aws.client("s3").create_bucket(Bucket="from-config")
    spec = read_spec(aws, MODEL_ID, "4.0.0")

    training = training_request(aws, spec, TRAINING)
    requests = endpoint_requests(aws, spec, ENDPOINT)

    assert sorted_tags(sdk_training_request(aws, "4.0.0", TRAINING)) == sorted_tags(training)
    refused = attrs.evolve(TRAINING, accept_eula=False)
    assert sorted_tags(sdk_training_request(aws, "4.0.0", refused)) == sorted_tags(training_request(aws, spec, refused))
    assert {"FROM": "config"} == training_request(aws, spec, refused)["Environment"]
    expected = sdk_endpoint_requests(aws, "4.0.0", ENDPOINT)
    assert sorted_tags(expected.model) == sorted_tags(requests.model)
    assert sorted_tags(expected.endpoint_config) == sorted_tags(requests.endpoint_config)
    assert sorted_tags(expected.endpoint) == sorted_tags(requests.endpoint)
    assert (VPC, KEY) == (training["VpcConfig"], training["OutputDataConfig"]["KmsKeyId"])


def test_the_users_file_overrides_the_administrators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Key by key; a folder stands for the `config.yaml` in it."""
    admin, user = tmp_path / "admin", tmp_path / "user.yaml"
    admin.mkdir()
    (admin / "config.yaml").write_text("SageMaker: {TrainingJob: {RoleArn: a, Tags: [x]}}", encoding="utf-8")
    user.write_text("SageMaker: {TrainingJob: {RoleArn: b}}", encoding="utf-8")
    monkeypatch.setenv("SAGEMAKER_ADMIN_CONFIG_OVERRIDE", str(admin))
    monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", str(user))

    assert {"RoleArn": "b", "Tags": ["x"]} == UserConfig(_no_client).section("SageMaker", "TrainingJob")
    assert {} == UserConfig(_no_client).section("SageMaker", "TrainingJob", "RoleArn", "deeper")


def test_the_usual_place_of_the_user_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the SDK reads it; without a file there, there are no defaults."""
    for name in ("SAGEMAKER_ADMIN_CONFIG_OVERRIDE", "SAGEMAKER_USER_CONFIG_OVERRIDE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "none"))
    assert "" == UserConfig(_no_client).text("SageMaker", "TrainingJob", "RoleArn")

    (tmp_path / "sagemaker").mkdir()
    (tmp_path / "sagemaker" / "config.yaml").write_text("SageMaker: {TrainingJob: {RoleArn: a}}", encoding="utf-8")
    assert "a" == UserConfig(_no_client).text("SageMaker", "TrainingJob", "RoleArn")


def test_a_config_in_s3_must_be_text(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file must be."""
    aws.client("s3").create_bucket(Bucket="configs")
    aws.client("s3").put_object(Bucket="configs", Key="config.yaml", Body=b"\xff\xfe")
    monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", "s3://configs")

    with pytest.raises(UserError, match="'s3://configs' cannot be read: it is not UTF-8"):
        UserConfig(aws.client).text("SageMaker")


def test_a_config_in_s3_is_read(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its URI, or by the folder that contains it."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="configs")
    s3.put_object(Bucket="configs", Key="team/config.yaml", Body=b"SageMaker: {TrainingJob: {RoleArn: a}}")

    for uri in ("s3://configs/team/config.yaml", "s3://configs/team", "s3://configs/team/"):
        monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", uri)
        assert "a" == UserConfig(aws.client).text("SageMaker", "TrainingJob", "RoleArn")


@pytest.mark.parametrize("section", ["TrainingJob", "Model", "EndpointConfig", "Endpoint"])
@pytest.mark.parametrize("tags", ["x", ["x"], [{"Key": "team"}], {"team": "a"}])
def test_tags_of_another_form_are_refused(
    section: str, tags: Any, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the section; nothing else checks a config without the SDK."""
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({"SageMaker": {section: {"Tags": tags}}}), encoding="utf-8")
    monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", str(path))
    spec = read_spec(aws, MODEL_ID, "4.0.0")

    with pytest.raises(UserError, match=rf"SageMaker\.{section}\.Tags must be a list of tags"):
        _ = training_request(aws, spec, TRAINING), endpoint_requests(aws, spec, ENDPOINT)


def test_empty_sections_set_nothing(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key without a value is null in YAML."""
    spec = read_spec(aws, MODEL_ID, "4.0.0")
    refused = attrs.evolve(TRAINING, accept_eula=False)
    expected = training_request(aws, spec, refused), endpoint_requests(aws, spec, ENDPOINT)
    path = tmp_path / "config.yaml"
    path.write_text(
        "SageMaker: {TrainingJob: {Tags: , Environment: , OutputDataConfig: , ResourceConfig: },"
        " Model: {PrimaryContainer: }, EndpointConfig: , Endpoint: {Tags: }}",
        encoding="utf-8",
    )
    monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", str(path))
    own = Aws(aws.settings)

    assert expected == (training_request(own, spec, refused), endpoint_requests(own, spec, ENDPOINT))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "is no YAML in line 1"),
        ("a: 2026-13-01", "is no YAML"),
        ("- a", "must have keys"),
        (b"\xff\xfe", "it is not UTF-8"),
        (None, "no such file or directory"),
    ],
)
def test_a_broken_config_is_refused(
    text: str | bytes | None, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line that names the file, and quotes nothing of it."""
    path = tmp_path / "config.yaml"
    if text is not None:
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", str(path))

    with pytest.raises(UserError, match=problem) as caught:
        UserConfig(_no_client).text("SageMaker")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def _no_client(service: str) -> object:
    raise AssertionError(service)
