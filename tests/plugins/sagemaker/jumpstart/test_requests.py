"""The requests that the SageMaker SDK makes for JumpStart models, recorded and not sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sagemaker")

import attrs

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.endpoint.requests import endpoint_requests
from llmops_plugins.sagemaker.jumpstart.requests import training_request
from llmops_plugins.sagemaker.sdk.loading import load
from llmops_plugins.sagemaker.settings import SageMakerSettings

from ..choices import ENDPOINT, HYPERPARAMETERS, TAGS, TRAINING
from ..fixtures import MODEL_ID, ROLE, Cloud, Edit

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


def article_estimator(aws: Aws, version: str, **options: Any) -> Any:
    """Return the estimator of the article."""
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
def test_the_requests_are_those_of_the_article(version: str, aws: Aws, cloud: Cloud, jumpstart: Edit) -> None:
    """`fit` and `deploy` of one estimator make the same requests as ours, which need only the description of the job.

    The last version has configurations: the first one for training names another one for serving than the first there.
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

    training = training_request(aws, attrs.evolve(TRAINING, version=version))
    requests = endpoint_requests(
        aws,
        attrs.evolve(
            ENDPOINT,
            version=version,
            model_data=data,
            training_instance_type=job["ResourceConfig"]["InstanceType"],
        ),
    )

    assert sent(cloud, "CreateTrainingJob") == as_sent(training)
    assert sent(cloud, "CreateModel") == as_sent(requests.model)
    assert sent(cloud, "CreateEndpointConfig") == as_sent(requests.endpoint_config)
    assert sent(cloud, "CreateEndpoint") == as_sent(requests.endpoint)
    assert before == len(cloud.created)
    if version == "4.2.0":
        assert "ml.g5.12xlarge" == requests.endpoint_config["ProductionVariants"][0]["InstanceType"]


def as_sent(request: Mapping[str, Any]) -> Any:
    """Return a request as JSON: enumerations of the SDK become text."""
    return json.loads(json.dumps(request))


def test_every_choice_reaches_the_requests(cloud: Cloud, jumpstart: Edit) -> None:  # noqa: ARG001
    """Spot, limits, timeouts, VPC, KMS, instances and tags are in the requests of job and endpoint; their volumes are local."""
    key = "arn:aws:kms:us-east-1:123456789012:key/k"
    aws = Aws(SageMakerSettings(role=ROLE, kms_key=key, subnets=("subnet-1",), security_groups=("sg-1",)))
    vpc = {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}

    job = training_request(
        aws,
        attrs.evolve(
            TRAINING, instance_type="ml.g5.24xlarge", instance_count=2, volume_size=99, max_run=600, max_wait=900
        ),
    )
    requests = endpoint_requests(
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

    assert {"InstanceType": "ml.g5.24xlarge", "InstanceCount": 2, "VolumeSizeInGB": 99} == job["ResourceConfig"]
    assert {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 900} == job["StoppingCondition"]
    assert job["EnableManagedSpotTraining"]
    assert (vpc, key) == (job["VpcConfig"], job["OutputDataConfig"]["KmsKeyId"])
    assert (vpc, "b") == (requests.model["VpcConfig"], requests.model["PrimaryContainer"]["Environment"]["A"])
    (variant,) = requests.endpoint_config["ProductionVariants"]
    assert ("ml.g5.12xlarge", 3) == (variant["InstanceType"], variant["InitialInstanceCount"])
    assert (1800, 900) == (
        variant["ModelDataDownloadTimeoutInSeconds"],
        variant["ContainerStartupHealthCheckTimeoutInSeconds"],
    )
    for request in (job, requests.model, requests.endpoint_config, requests.endpoint):
        assert TAGS[0] in request["Tags"]


@pytest.mark.parametrize(("family", "is_sent"), [("p3", True), ("m5", True), ("g5", False), ("p4d", False)])
def test_the_key_of_volumes_is_left_out_for_local_storage(
    family: str,
    is_sent: bool,  # noqa: FBT001 - a parameter of the test
    jumpstart: Edit,
    real_data: Callable[[str], Path],
) -> None:
    """SageMaker refuses a key of volumes for instances with local storage; the key of the output is always sent."""
    spec = json.loads(real_data("jumpstart/minimal_llama-2-7b_2.0.4.json").read_bytes())["spec"]
    for name in ("training_instance_type_variants", "hosting_instance_type_variants"):
        spec[name]["variants"][family] = spec[name]["variants"]["g5"]
    jumpstart("4.1.0", **{name: value for name, value in spec.items() if name.endswith("_variants")})
    key = "arn:aws:kms:us-east-1:123456789012:key/k"
    aws = Aws(SageMakerSettings(role=ROLE, kms_key=key))
    choices: dict[str, Any] = {"version": "4.1.0", "instance_type": f"ml.{family}.24xlarge"}

    job = training_request(aws, attrs.evolve(TRAINING, **choices))
    requests = endpoint_requests(aws, attrs.evolve(ENDPOINT, **choices))

    assert key == job["OutputDataConfig"]["KmsKeyId"]
    expected = key if is_sent else None
    assert expected == job["ResourceConfig"].get("VolumeKmsKeyId")
    assert expected == requests.endpoint_config.get("KmsKeyId")
