"""The SageMaker SDK, tamed: its requests are taken, and nothing else of what it does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sagemaker")

import attrs

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.settings import SageMakerSettings
from llmops_plugins.sagemaker.sdk import jumpstart as sdk
from llmops_plugins.sagemaker.sdk.loading import load
from llmops_plugins.sagemaker.sdk.requests import EndpointChoices, TrainingChoices
from llmops_sdk import UserError

from ..conftest import BUCKET, MODEL_ID, REGION, ROLE, Cloud, Edit

HYPERPARAMETERS = {"instruction_tuned": "True", "epoch": "1", "max_input_length": "1024"}
TAGS = [{"Key": "llmops:run-id", "Value": "run-1"}]

TRAINING = TrainingChoices(
    job_name="job-1",
    model_id=MODEL_ID,
    version="2.0.4",
    data_uri=f"s3://{BUCKET}/dolly_dataset",
    output_uri=f"s3://{BUCKET}/",
    hyperparameters=HYPERPARAMETERS,
    accept_eula=True,
    tolerate_vulnerable_model=True,
    tolerate_deprecated_model=False,
    instance_type=None,
    instance_count=1,
    volume_size=None,
    max_run=None,
    max_wait=None,
    disable_output_compression=True,
    tags=TAGS,
)
ENDPOINT = EndpointChoices(
    name="ep-1",
    model_id=MODEL_ID,
    version="2.0.4",
    model_data=None,
    training_instance_type=None,
    accept_eula=True,
    tolerate_vulnerable_model=True,
    tolerate_deprecated_model=False,
    instance_type=None,
    instance_count=1,
    model_data_download_timeout=None,
    container_startup_health_check_timeout=None,
    environment={},
    tags=TAGS,
)


CONFIGURATIONS: dict[str, Any] = {
    "training_configs": {
        "big": {"component_names": ["big"], "benchmark_metrics": {}, "default_inference_config": "serve-big"}
    },
    "training_config_components": {"big": {"default_training_instance_type": "ml.g5.24xlarge"}},
    "training_config_rankings": {"overall": {"description": "", "rankings": ["big"]}},
    "inference_configs": {
        "serve-small": {"component_names": ["serve-small"], "benchmark_metrics": {}},
        "serve-big": {"component_names": ["serve-big"], "benchmark_metrics": {}},
    },
    "inference_config_components": {
        "serve-small": {},
        "serve-big": {"default_inference_instance_type": "ml.g5.12xlarge"},
    },
    "inference_config_rankings": {"overall": {"description": "", "rankings": ["serve-small", "serve-big"]}},
}
"""Of a JumpStart specification: what was trained so is served so."""


@pytest.fixture
def aws(cloud: Cloud, jumpstart: Edit) -> Aws:  # noqa: ARG001 - they are what it reaches
    """An account with JumpStart."""
    return Aws(SageMakerSettings(role=ROLE, region=REGION))


def article_estimator(aws: Aws, version: str, **options: Any) -> Any:
    """The estimator, made as the article makes it."""
    load()
    import sagemaker
    from sagemaker.jumpstart.estimator import JumpStartEstimator

    estimator = JumpStartEstimator(
        model_id=MODEL_ID,
        model_version=version,
        environment={"accept_eula": "true"},
        disable_output_compression=True,
        tolerate_vulnerable_model=True,
        role=ROLE,
        sagemaker_session=sagemaker.Session(aws.session),
        tags=[dict(tag) for tag in TAGS],
        **options,
    )
    estimator.set_hyperparameters(**HYPERPARAMETERS)
    return estimator


def sent(cloud: Cloud, action: str) -> dict[str, Any]:
    (request,) = cloud.requests(action)
    return dict(request)


@pytest.mark.filterwarnings("ignore:.*SageMaker Python SDK v2")
@pytest.mark.parametrize("version", ["2.0.4", "4.0.0", "4.2.0"])
def test_two_processes_send_what_the_articles_one_sends(version: str, aws: Aws, cloud: Cloud, jumpstart: Edit) -> None:
    """`fit` and `deploy` of one estimator, and our requests from no more than the job's description, are the same.

    The last version has configurations: its first one for training names another for serving than is the first there.
    """
    jumpstart("4.2.0", **CONFIGURATIONS)
    cloud.job_stages, cloud.endpoint_stages = [("Completed", "")], [("InService", "")]
    estimator = article_estimator(aws, version)
    estimator.fit({"training": TRAINING.data_uri}, job_name="job-1", wait=False)
    estimator.deploy(endpoint_name="ep-1", model_name="ep-1", tags=[dict(tag) for tag in TAGS], wait=False)
    job = aws.client("sagemaker").describe_training_job(TrainingJobName="job-1")
    data = {
        "S3DataSource": {
            "S3Uri": job["ModelArtifacts"]["S3ModelArtifacts"],
            "S3DataType": "S3Prefix",
            "CompressionType": "None",
        }
    }
    before = len(cloud.created)

    training = sdk.training_request(aws, attrs.evolve(TRAINING, version=version))
    made = sdk.endpoint_requests(
        aws,
        attrs.evolve(
            ENDPOINT,
            version=version,
            model_data=data,
            training_instance_type=job["ResourceConfig"]["InstanceType"],
        ),
    )

    assert sent(cloud, "CreateTrainingJob") == as_sent(training)
    assert sent(cloud, "CreateModel") == as_sent(made.model)
    assert sent(cloud, "CreateEndpointConfig") == as_sent(made.endpoint_config)
    assert sent(cloud, "CreateEndpoint") == as_sent(made.endpoint)
    assert before == len(cloud.created)
    if version == "4.2.0":
        assert "ml.g5.12xlarge" == made.endpoint_config["ProductionVariants"][0]["InstanceType"]


def as_sent(request: Mapping[str, Any]) -> Any:
    """A request as JSON has it: enumerations of the SDK are text."""
    return json.loads(json.dumps(request))


def test_an_archive_is_deployed_as_one(aws: Aws) -> None:
    """Without `disable_output_compression` the model is a `model.tar.gz`, and its URI is what CreateModel has."""
    request = sdk.training_request(aws, attrs.evolve(TRAINING, disable_output_compression=False))
    uri = f"s3://{BUCKET}/job-1/output/model.tar.gz"

    made = sdk.endpoint_requests(aws, attrs.evolve(ENDPOINT, model_data=uri, training_instance_type="ml.g5.12xlarge"))

    assert "CompressionType" not in request["OutputDataConfig"]
    assert uri == made.model["PrimaryContainer"]["ModelDataUrl"]


def test_the_base_model_accepts_its_licence_in_the_request(aws: Aws, jumpstart: Edit) -> None:
    """Newer versions of gated models, which are folders of files, are deployed with `AcceptEula`."""
    jumpstart("4.1.0", hosting_prepacked_artifact_key="meta-textgeneration/llama-2-7b/artifacts/inference/v1.0.0/")

    made = sdk.endpoint_requests(aws, attrs.evolve(ENDPOINT, version="4.1.0"))

    source = made.model["PrimaryContainer"]["ModelDataSource"]["S3DataSource"]
    assert {"AcceptEula": True} == source["ModelAccessConfig"]


def test_every_choice_reaches_the_requests(cloud: Cloud, jumpstart: Edit) -> None:  # noqa: ARG001
    """Spot, limits, time-outs, VPC, KMS, instances and tags, on the job and on the endpoint."""
    key = "arn:aws:kms:us-east-1:123456789012:key/k"
    aws = Aws(SageMakerSettings(role=ROLE, kms_key=key, subnets=("subnet-1",), security_groups=("sg-1",)))
    vpc = {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}

    job = sdk.training_request(
        aws,
        attrs.evolve(
            TRAINING, instance_type="ml.g5.24xlarge", instance_count=2, volume_size=99, max_run=600, max_wait=900
        ),
    )
    made = sdk.endpoint_requests(
        aws,
        attrs.evolve(
            ENDPOINT,
            version="4.0.0",
            instance_type="ml.g5.12xlarge",
            instance_count=3,
            model_data_download_timeout=1800,
            container_startup_health_check_timeout=900,
            environment={"A": "b"},
        ),
    )

    assert {
        "InstanceType": "ml.g5.24xlarge",
        "InstanceCount": 2,
        "VolumeSizeInGB": 99,
        "VolumeKmsKeyId": key,
    } == job["ResourceConfig"]
    assert {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 900} == job["StoppingCondition"]
    assert job["EnableManagedSpotTraining"]
    assert (vpc, key) == (job["VpcConfig"], job["OutputDataConfig"]["KmsKeyId"])
    assert (vpc, "b") == (made.model["VpcConfig"], made.model["PrimaryContainer"]["Environment"]["A"])
    (variant,) = made.endpoint_config["ProductionVariants"]
    assert ("ml.g5.12xlarge", 3, key) == (
        variant["InstanceType"],
        variant["InitialInstanceCount"],
        made.endpoint_config["KmsKeyId"],
    )
    assert (1800, 900) == (
        variant["ModelDataDownloadTimeoutInSeconds"],
        variant["ContainerStartupHealthCheckTimeoutInSeconds"],
    )
    for request in (job, made.model, made.endpoint_config, made.endpoint):
        assert TAGS[0] in request["Tags"]


def test_what_the_sdk_refuses_is_one_line(aws: Aws) -> None:
    """Its own error, with what it was about."""
    with pytest.raises(UserError, match=r"training job 'job-1': the SageMaker SDK refuses it: .*vulnerab") as found:
        sdk.training_request(aws, attrs.evolve(TRAINING, tolerate_vulnerable_model=False))

    assert "\n" not in str(found.value)


def test_no_telemetry(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the SDK's own calls nor its failures send a request to anybody but AWS's services."""
    import requests

    asked: list[Any] = []
    monkeypatch.setattr(requests, "get", lambda *arguments, **_: asked.append(arguments))
    monkeypatch.setattr(requests.Session, "send", lambda *arguments, **_: asked.append(arguments))

    sdk.training_request(aws, TRAINING)
    with pytest.raises(UserError):
        sdk.training_request(aws, attrs.evolve(TRAINING, tolerate_vulnerable_model=False))

    assert [] == asked


def test_the_users_config_counts(aws: Aws, cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Role, bucket and tags of the SageMaker config are taken where the settings have none; the schema is checked."""
    aws.client("s3").create_bucket(Bucket="from-config")
    config = tmp_path / "config.yaml"
    config.write_text(
        "SchemaVersion: '1.0'\nSageMaker:\n  PythonSDK: {Modules: {Session: {DefaultS3Bucket: from-config}}}\n"
        f"  TrainingJob: {{RoleArn: '{ROLE}-2'}}\n  Model: {{EnableNetworkIsolation: false}}\n"
    )
    monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", str(config))
    own = Aws(SageMakerSettings())

    assert (f"{ROLE}-2", "from-config") == (own.role, own.bucket)
    assert (ROLE, "from-config") == (aws.role, aws.bucket)
    config.write_text("SchemaVersion: '1.0'\nSageMaker: {TrainingJobs: {}}\n")
    with pytest.raises(UserError, match=r"SageMaker config: the SageMaker SDK refuses it: .*TrainingJobs"):
        _ = Aws(SageMakerSettings()).role
    assert [] == cloud.created


def test_importing_it_changes_nothing_around() -> None:
    """No hook for exceptions, no variable, no line of output is left by loading the SDK."""
    code = (
        "import os, sys\n"
        "hook, environment = sys.excepthook, dict(os.environ)\n"
        "from llmops_plugins.sagemaker.sdk.loading import load\n"
        "load()\n"
        "assert sys.excepthook is hook\n"
        "assert dict(os.environ) == environment\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)
