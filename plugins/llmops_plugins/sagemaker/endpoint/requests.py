"""The requests that create an endpoint of a JumpStart model, made from the model's specification.

They equal the requests that `deploy` of the SageMaker SDK 2.257 sends; the tests compare them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.instances import volume_is_chosen, without_refused_key
from llmops_plugins.sagemaker.errors import translated_errors
from llmops_plugins.sagemaker.jumpstart.fields import Fields, hosting_configuration
from llmops_plugins.sagemaker.jumpstart.requests import Request, content_bucket, jumpstart_tags
from llmops_plugins.sagemaker.jumpstart.spec import JumpStartSpec
from llmops_sdk.plugin import UserError


@attrs.frozen(kw_only=True)
class EndpointChoices:
    """The choices for an endpoint. None takes the value of the model's specification.

    Attributes:
        name: The name of endpoint, configuration and model.
        model_data: The location of fine-tuned weights: the URI of a `model.tar.gz`, or an `S3DataSource`; None for the base model.
        training_instance_type: The instance type they were trained on, which may decide the default instance type.
        accept_eula: Whether the user accepted the model's licence.
        instance_type: The instance type.
        instance_count: The number of instances.
        model_data_download_timeout: Seconds within which an instance must have downloaded the weights.
        container_startup_health_check_timeout: Seconds within which the container must answer its first ping.
        environment: Added to the variables of the container.
        image_uri: The container's image; empty takes that of the specification.
        tags: The tags of all three.
    """

    name: str
    model_data: str | Mapping[str, Any] | None
    training_instance_type: str | None
    accept_eula: bool
    instance_type: str | None
    instance_count: int
    model_data_download_timeout: int | None
    container_startup_health_check_timeout: int | None
    environment: Mapping[str, str]
    image_uri: str
    tags: list[dict[str, str]]


@attrs.frozen
class EndpointRequests:
    """The three requests that create an endpoint, in their order."""

    model: Request
    endpoint_config: Request
    endpoint: Request

    @property
    def has_package(self) -> bool:
        """Whether the model is a package of its provider, which an instance type may bring."""
        return "Containers" in self.model


def endpoint_requests(aws: Aws, spec: JumpStartSpec, choices: EndpointChoices) -> EndpointRequests:
    """Return the requests that deploy a JumpStart model: the base model, or fine-tuned weights in its container.

    Raises:
        UserError: The specification has no image or package for the region, or lacks fields.
    """
    is_tuned = choices.model_data is not None
    configuration = hosting_configuration(spec.data, is_tuned=is_tuned)
    fields = Fields.of(spec.data, aws.region, "hosting", configuration)
    instance_type = choices.instance_type or default_instance(fields, choices.training_instance_type)
    tags = jumpstart_tags(spec, choices.tags, configuration=configuration)
    return EndpointRequests(
        _model(aws, fields, choices, instance_type, tags),
        _endpoint_config(aws, fields, choices, instance_type, tags),
        {
            "EndpointName": choices.name,
            "EndpointConfigName": choices.name,
            "Tags": _with(tags, aws.config.tags("SageMaker", "Endpoint")),
        },
    )


def default_instance(fields: Fields, trained_on: str | None) -> str:
    """Return the default instance type of a specification.

    Args:
        fields: The fields for hosting.
        trained_on: The instance type on which fine-tuned weights are trained, which may decide it; empty or None for none.
    """
    training = attrs.evolve(fields, purpose="training")
    special = training.of_instance(trained_on, "default_inference_instance_type") if trained_on else None
    return str(special or fields.get("default_inference_instance_type"))


def base_weights(aws: Aws, fields: Fields, instance_type: str, *, accept_eula: bool) -> str | dict[str, Any]:
    """Return the location of the base weights with their serving code: an archive, or a folder of files.

    Raises:
        UserError: The specification has none.
    """
    key = fields.of_instance(instance_type, "prepacked_artifact_key") or fields.get("hosting_prepacked_artifact_key")
    if not key:
        message = (
            f"JumpStart's {fields.get('model_id')!r} {fields.get('version')} has no artifact that can be served as it is in {aws.region}:"
            " use another version"
        )
        raise UserError(message)
    uri = f"s3://{content_bucket(aws.region, gated=bool(fields.get('gated_bucket')))}/{key}"
    is_folder = uri.endswith("/")
    if not (is_folder or accept_eula):
        return uri
    data_type, compression = ("S3Prefix", "None") if is_folder else ("S3Object", "Gzip")
    source: dict[str, Any] = {"S3Uri": uri, "S3DataType": data_type, "CompressionType": compression}
    if accept_eula:
        source["ModelAccessConfig"] = {"AcceptEula": True}
    return {"S3DataSource": source}


def _model(
    aws: Aws, fields: Fields, choices: EndpointChoices, instance_type: str, tags: list[dict[str, str]]
) -> Request:
    configured = aws.config.section("SageMaker", "Model")
    package = fields.model_package(instance_type) if choices.model_data is None else ""
    if package:
        is_isolated = _is_from_the_marketplace(aws, package)
        containers: dict[str, Any] = {"Containers": [_package(package, fields, choices, instance_type)]}
    else:
        usual = fields.get("inference_enable_network_isolation", False)
        is_isolated = configured.get("EnableNetworkIsolation", usual)
        variables = aws.config.section("SageMaker", "Model", "PrimaryContainer", "Environment")
        containers = {"PrimaryContainer": _container(aws, fields, choices, instance_type, variables)}
    request = {
        "ModelName": choices.name,
        "ExecutionRoleArn": aws.role,
        **containers,
        "Tags": _with(tags, aws.config.tags("SageMaker", "Model")),
        "VpcConfig": aws.vpc or configured.get("VpcConfig"),
        "EnableNetworkIsolation": is_isolated,
    }
    return {name: value for name, value in request.items() if value not in (None, False)}


def _package(arn: str, fields: Fields, choices: EndpointChoices, instance_type: str) -> dict[str, Any]:
    environment = _environment(fields, choices, instance_type)
    return {"ModelPackageName": arn, **({"Environment": environment} if environment else {})}


def _container(
    aws: Aws, fields: Fields, choices: EndpointChoices, instance_type: str, configured: Mapping[str, str]
) -> dict[str, Any]:
    image = choices.image_uri or fields.image(instance_type)
    environment = {**configured, **_environment(fields, choices, instance_type)}
    data = choices.model_data or base_weights(aws, fields, instance_type, accept_eula=choices.accept_eula)
    location = {"ModelDataUrl": data} if isinstance(data, str) else {"ModelDataSource": dict(data)}
    return {"Image": image, "Environment": environment, **location}


def _environment(fields: Fields, choices: EndpointChoices, instance_type: str) -> dict[str, str]:
    usual = {
        item["name"]: str(item["default"])
        for item in fields.get("inference_environment_variables", ())
        if item.get("required_for_model_class")
    }
    of_instance = fields.items_of_instance(instance_type, "environment_variables")
    return {**usual, **{name: str(value) for name, value in of_instance.items()}, **choices.environment}


def _endpoint_config(
    aws: Aws, fields: Fields, choices: EndpointChoices, instance_type: str, tags: list[dict[str, str]]
) -> Request:
    configured = aws.config.section("SageMaker", "EndpointConfig")
    extra: Mapping[str, Any] = fields.get("deploy_kwargs", {})
    volume = fields.get("inference_volume_size") if volume_is_chosen(instance_type) else None
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": choices.name,
        "InitialVariantWeight": 1,
        "InitialInstanceCount": choices.instance_count,
        "InstanceType": instance_type,
        "VolumeSizeInGB": volume,
        "ModelDataDownloadTimeoutInSeconds": choices.model_data_download_timeout
        or extra.get("model_data_download_timeout"),
        "ContainerStartupHealthCheckTimeoutInSeconds": choices.container_startup_health_check_timeout
        or extra.get("container_startup_health_check_timeout"),
    }
    request = {
        "EndpointConfigName": choices.name,
        "ProductionVariants": [{name: value for name, value in variant.items() if value is not None}],
        "Tags": _with(tags, aws.config.tags("SageMaker", "EndpointConfig")),
        "KmsKeyId": aws.settings.kms_key or configured.get("KmsKeyId"),
    }
    sent = {name: value for name, value in request.items() if value is not None}
    return without_refused_key(sent, "KmsKeyId", [instance_type])


def _is_from_the_marketplace(aws: Aws, package: str) -> bool:
    """Return whether a model package is a product, whose containers SageMaker runs without a network."""
    with translated_errors(f"model package {package!r}"):
        description = aws.client("sagemaker").describe_model_package(ModelPackageName=package)
    containers = description.get("InferenceSpecification", {}).get("Containers", ())
    return any("ProductId" in container for container in containers)


def _with(tags: list[dict[str, str]], configured: list[dict[str, str]]) -> list[dict[str, str]]:
    keys = {tag["Key"] for tag in tags}
    return [*tags, *(tag for tag in configured if tag["Key"] not in keys)]
