"""The requests for JumpStart models: those of the article's code, and of the SageMaker SDK for every choice."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("boto3")

import attrs
from moto.core.responses import ActionResult
from moto.sagemaker.responses import SageMakerResponse

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.endpoint.requests import EndpointChoices, endpoint_requests
from llmops_plugins.sagemaker.jumpstart.requests import TrainingChoices, training_request
from llmops_plugins.sagemaker.jumpstart.spec import JumpStartSpec, read_spec
from llmops_plugins.sagemaker.sdk.v2 import Line2
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk import UserError

from ..choices import ENDPOINT, HYPERPARAMETERS, TAGS, TRAINING
from ..fixtures import MODEL_ID, ROLE, Cloud, Edit, has_sdk_2
from ..oracle import as_sent, sdk_endpoint_requests, sdk_training_request, sorted_tags

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
    Line2().load()
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


needs_sdk_2 = pytest.mark.skipif(not has_sdk_2(), reason="compares with the SageMaker SDK 2.x")


@needs_sdk_2
@pytest.mark.filterwarnings("ignore:.*SageMaker Python SDK v2")
@pytest.mark.parametrize(
    "version", [pytest.param("2.0.4", marks=pytest.mark.slow), pytest.param("4.0.0", marks=pytest.mark.slow), "4.2.0"]
)
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

    spec = read_spec(aws, MODEL_ID, version)
    training = training_request(aws, spec, TRAINING)
    requests = endpoint_requests(
        aws,
        spec,
        attrs.evolve(
            ENDPOINT,
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


KEY = "arn:aws:kms:us-east-1:123456789012:key/k"
SETTINGS = {
    "plain": SageMakerSettings(role=ROLE),
    "VPC and KMS": SageMakerSettings(role=ROLE, kms_key=KEY, subnets=("subnet-1",), security_groups=("sg-1",)),
}
TRAININGS: dict[str, dict[str, Any]] = {
    "as in the article": {},
    "another instance": {"instance_type": "ml.g5.24xlarge", "instance_count": 2, "volume_size": 99},
    "an instance with a volume": {"instance_type": "ml.p3.16xlarge"},
    "spot": {"max_run": 600, "max_wait": 900},
    "spot with checkpoints": {"max_run": 600, "max_wait": 900, "checkpoint_uri": "s3://b/checkpoints/job-1"},
    "a warm pool": {"keep_alive_seconds": 600},
    "no licence, compressed": {"accept_eula": False, "disable_output_compression": False},
}
FOLDER = {"S3DataSource": {"S3Uri": "s3://b/model/", "S3DataType": "S3Prefix", "CompressionType": "None"}}
ENDPOINTS: dict[str, dict[str, Any]] = {
    "base": {},
    "base, other choices": {
        "instance_type": "ml.g5.12xlarge",
        "instance_count": 3,
        "model_data_download_timeout": 1800,
        "container_startup_health_check_timeout": 900,
        "environment": {"A": "b"},
        "accept_eula": False,
    },
    "tuned": {"model_data": FOLDER, "training_instance_type": "ml.g5.12xlarge"},
    "tuned archive": {"model_data": "s3://b/model.tar.gz", "training_instance_type": "ml.g5.24xlarge"},
}
VERSIONS = ["2.0.4", "4.0.0", "4.2.0", "4.3.0"]


@pytest.fixture(name="published")
def _published(jumpstart: Edit, real_data: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Further versions: 4.2.0 with configurations, and 4.3.0 with what the specifications of other models have."""
    spec = json.loads(real_data("jumpstart/minimal_llama-2-7b_2.0.4.json").read_bytes())["spec"]
    variants = {name: spec[f"{name}_instance_type_variants"] for name in ("training", "hosting")}
    for name in variants:
        variants[name]["variants"]["p3"] = dict(variants[name]["variants"]["g5"])
    of_instance = {
        "hyperparameters": [{"name": "epoch", "type": "int", "default": 7, "scope": "algorithm"}],
        "metrics": [{"Name": "huggingface-textgeneration:eval-loss", "Regex": "another (.*)"}],
        "environment_variables": {"B": "family", "C": "family"},
    }
    variants["training"]["variants"]["g5"]["properties"] = of_instance
    variants["training"]["variants"]["ml.g5.24xlarge"] = {
        "properties": {
            "environment_variables": {"B": "type"},
            "training_artifact_key": "other/train.tar.gz",
            "default_inference_instance_type": "ml.g5.12xlarge",
        }
    }
    variants["hosting"]["variants"]["ml.g5.12xlarge"] = {
        "properties": {"environment_variables": {"D": "type"}, "prepacked_artifact_key": "other/infer/"}
    }
    jumpstart(
        "4.3.0",
        **{f"{name}_instance_type_variants": value for name, value in variants.items()},
        training_prepacked_script_key="prepacked/sourcedir.tar.gz",
        inference_environment_variables=[
            {"name": "E", "type": "text", "default": 1, "scope": "container", "required_for_model_class": True},
            {"name": "F", "type": "text", "default": "no", "scope": "container"},
        ],
        hosting_prepacked_artifact_key="infer/folder/",
    )
    jumpstart("4.2.0", **CONFIGURATIONS)

    def package(_self: Any) -> Any:
        return ActionResult({"InferenceSpecification": {"Containers": [{"Image": "i:1", "ProductId": "p"}]}})

    monkeypatch.setattr(SageMakerResponse, "describe_model_package", package)


@pytest.mark.sdk
@needs_sdk_2
@pytest.mark.usefixtures("published")
@pytest.mark.filterwarnings("ignore:.*SageMaker Python SDK v2")
@pytest.mark.parametrize(
    ("settings", "version"),
    [
        pytest.param(*case, marks=() if case == ("VPC and KMS", "4.3.0") else pytest.mark.slow)
        for case in itertools.product(SETTINGS, VERSIONS)
    ],
)
def test_every_request_is_that_of_the_sdk(settings: str, version: str, cloud: Cloud) -> None:
    """For every choice: spot, limits, VPC, KMS, instances, licence, model package, configuration, fine-tuned weights."""
    aws = Aws(SETTINGS[settings])
    spec = read_spec(aws, MODEL_ID, version)
    for name, changes in TRAININGS.items():
        if version != "4.3.0" and changes.get("instance_type") == "ml.p3.16xlarge":
            continue  # they have no image for it
        training: TrainingChoices = attrs.evolve(TRAINING, **changes)
        expected = sdk_training_request(aws, version, training)
        assert sorted_tags(expected) == sorted_tags(training_request(aws, spec, training)), name
    for name, changes in ENDPOINTS.items():
        endpoint: EndpointChoices = attrs.evolve(ENDPOINT, **changes)
        expected_requests = sdk_endpoint_requests(aws, version, endpoint)
        requests = endpoint_requests(aws, spec, endpoint)
        for part in ("model", "endpoint_config", "endpoint"):
            assert sorted_tags(getattr(expected_requests, part)) == sorted_tags(getattr(requests, part)), (name, part)
    assert [] == cloud.created


def test_an_image_of_the_user_is_used_where_the_region_has_none(cloud: Cloud, jumpstart: Edit) -> None:  # noqa: ARG001
    """Without it the region is refused, and the option is named; nothing is guessed."""
    aws = Aws(SageMakerSettings(role=ROLE, region="eu-north-1"))
    spec = read_spec(aws, MODEL_ID, "4.0.0")

    with pytest.raises(
        UserError, match=r"names no image for training .* in eu-north-1 \(it has regions us-east-1\): set image_uri"
    ):
        training_request(aws, spec, TRAINING)
    with pytest.raises(UserError, match=r"names no image for hosting .* set image_uri"):
        endpoint_requests(aws, spec, ENDPOINT)

    training = training_request(aws, spec, attrs.evolve(TRAINING, image_uri="i:1"))
    requests = endpoint_requests(aws, spec, attrs.evolve(ENDPOINT, image_uri="i:2"))
    images = training["AlgorithmSpecification"]["TrainingImage"], requests.model["PrimaryContainer"]["Image"]
    assert ("i:1", "i:2") == images


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"training_model_package_artifact_uris": {"us-west-2": "s3://b/w"}},
            "cannot be trained in us-east-1.* us-west-2",
        ),
        (
            {"training_script_key": None},
            "lacks training_script_key for training, so its form is not known here; it has: .*version",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused(changes: dict[str, Any], message: str, aws: Aws, jumpstart: Edit) -> None:
    """A region without weights; a specification of an unknown form, whose fields are named."""
    jumpstart("4.1.0", **changes)
    with pytest.raises(UserError, match=message):
        training_request(aws, read_spec(aws, MODEL_ID, "4.1.0"), TRAINING)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"hosting_model_package_arns": {"us-west-2": "arn:p"}},
            "model package, which us-east-1 lacks; it has regions us-west-2",
        ),
        ({"hosting_prepacked_artifact_key": None}, "has no artifact that can be served as it is"),
    ],
)
def test_what_cannot_be_served_is_refused(changes: dict[str, Any], message: str, aws: Aws, jumpstart: Edit) -> None:
    """A region without the provider's package; a version whose weights need a script."""
    jumpstart("4.1.0", **changes)
    with pytest.raises(UserError, match=message):
        endpoint_requests(aws, read_spec(aws, MODEL_ID, "4.1.0"), ENDPOINT)


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
    aws = Aws(SageMakerSettings(role=ROLE, kms_key=KEY))
    choices: dict[str, Any] = {"instance_type": f"ml.{family}.24xlarge"}

    spec_read: JumpStartSpec = read_spec(aws, MODEL_ID, "4.1.0")
    job = training_request(aws, spec_read, attrs.evolve(TRAINING, **choices))
    requests = endpoint_requests(aws, spec_read, attrs.evolve(ENDPOINT, **choices))

    assert KEY == job["OutputDataConfig"]["KmsKeyId"]
    expected = KEY if is_sent else None
    assert expected == job["ResourceConfig"].get("VolumeKmsKeyId")
    assert expected == requests.endpoint_config.get("KmsKeyId")
