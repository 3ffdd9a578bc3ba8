"""The requests that create an endpoint of a JumpStart model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.instances import without_refused_key
from llmops_plugins.sagemaker.jumpstart.recorder import Recorder, Request
from llmops_plugins.sagemaker.sdk.config import sdk_call


@attrs.frozen(kw_only=True)
class EndpointChoices:
    """The choices for an endpoint. None takes the value of the model's metadata.

    Attributes:
        name: The name of endpoint, configuration and model.
        model_id: The JumpStart id.
        version: The exact version.
        model_data: The location of fine-tuned weights: the URI of a `model.tar.gz`, or an `S3DataSource`; None for the base model.
        training_instance_type: The instance type they were trained on, which may decide the default instance and configuration.
        accept_eula: Whether the user accepted the model's licence.
        tolerate_vulnerable_model: Whether known vulnerabilities are accepted.
        tolerate_deprecated_model: Whether a deprecated model is accepted.
        instance_type: The instance type.
        instance_count: The number of instances.
        model_data_download_timeout: Seconds within which an instance must have downloaded the weights.
        container_startup_health_check_timeout: Seconds within which the container must answer its first ping.
        environment: Added to the variables of the container.
        tags: The tags of all three.
    """

    name: str
    model_id: str
    version: str
    model_data: str | Mapping[str, Any] | None
    training_instance_type: str | None
    accept_eula: bool
    tolerate_vulnerable_model: bool
    tolerate_deprecated_model: bool
    instance_type: str | None
    instance_count: int
    model_data_download_timeout: int | None
    container_startup_health_check_timeout: int | None
    environment: Mapping[str, str]
    tags: list[dict[str, str]]


@attrs.frozen
class EndpointRequests:
    """The three requests that create an endpoint, in their order."""

    model: Request
    endpoint_config: Request
    endpoint: Request


def endpoint_requests(aws: Aws, choices: EndpointChoices) -> EndpointRequests:
    """Return the requests that deploy a JumpStart model, as `estimator.deploy` or `JumpStartModel.deploy` would send them.

    Raises:
        UserError: The SDK refuses the model or an option.
    """
    settings = aws.settings
    with sdk_call(f"endpoint {choices.name!r}"):
        from sagemaker.jumpstart.model import JumpStartModel

        recorder = Recorder(aws)
        session = recorder.session()
        tuned = choices.model_data is not None
        config_name = _inference_config(aws, session, choices) if tuned else None
        model = JumpStartModel(
            model_id=choices.model_id,
            model_version=choices.version,
            sagemaker_session=session,
            region=aws.region,
            role=aws.role,
            name=choices.name,
            model_data=choices.model_data,
            env=dict(choices.environment) or None,
            tolerate_vulnerable_model=choices.tolerate_vulnerable_model,
            tolerate_deprecated_model=choices.tolerate_deprecated_model,
            instance_type=choices.instance_type or _default_instance(aws, session, choices, config_name),
            config_name=config_name,
            vpc_config=_vpc(aws),
        )
        if tuned:
            # Otherwise 2.253.1 deploys the provider's package, which is the base model, instead of these weights.
            model.model_package_arn = None
        model.deploy(
            initial_instance_count=choices.instance_count,
            endpoint_name=choices.name,
            kms_key=settings.kms_key or None,
            accept_eula=True if choices.accept_eula and not tuned else None,
            model_data_download_timeout=choices.model_data_download_timeout,
            container_startup_health_check_timeout=choices.container_startup_health_check_timeout,
            tags=[dict(tag) for tag in choices.tags],
            wait=False,
        )
        config = recorder.request("create_endpoint_config")
        types = [variant.get("InstanceType", "") for variant in config["ProductionVariants"]]
        return EndpointRequests(
            recorder.request("create_model"),
            without_refused_key(config, "KmsKeyId", types),
            recorder.request("create_endpoint"),
        )


def _vpc(aws: Aws) -> dict[str, list[str]] | None:
    settings = aws.settings
    if not settings.subnets:
        return None
    return {"Subnets": list(settings.subnets), "SecurityGroupIds": list(settings.security_groups)}


def _default_instance(aws: Aws, session: Any, choices: EndpointChoices, config: str | None) -> str | None:
    """Return the default instance for weights trained on an instance type; None lets the model's metadata choose."""
    if choices.training_instance_type is None:
        return None
    from sagemaker import instance_types

    instance_type: str = instance_types.retrieve_default(
        model_id=choices.model_id,
        model_version=choices.version,
        scope="inference",
        region=aws.region,
        tolerate_vulnerable_model=True,
        tolerate_deprecated_model=True,
        sagemaker_session=session,
        training_instance_type=choices.training_instance_type,
        config_name=config,
    )
    return instance_type


def _inference_config(aws: Aws, session: Any, choices: EndpointChoices) -> str | None:
    """Return the serving configuration that belongs to the first training configuration, if the model has any."""
    from sagemaker.jumpstart.enums import JumpStartScriptScope
    from sagemaker.jumpstart.utils import get_top_ranked_config_name, verify_model_region_and_return_specs

    model = {
        "model_id": choices.model_id,
        "region": aws.region,
        "scope": JumpStartScriptScope.TRAINING,
        "tolerate_vulnerable_model": True,
        "tolerate_deprecated_model": True,
        "sagemaker_session": session,
    }
    specs = verify_model_region_and_return_specs(version=choices.version, **model)
    configs = getattr(specs, "training_configs", None)
    if not configs:
        return None
    trained = configs.configs.get(get_top_ranked_config_name(model_version=choices.version, **model))
    return getattr(trained, "default_inference_config", None)
