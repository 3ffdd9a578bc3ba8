"""The requests that the SageMaker SDK makes for JumpStart models, recorded and not sent: what ours must equal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.instances import without_refused_key
from llmops_plugins.sagemaker.endpoint.requests import EndpointChoices, EndpointRequests
from llmops_plugins.sagemaker.jumpstart.requests import Request, TrainingChoices
from llmops_plugins.sagemaker.sdk.config import load_config, sdk_call
from llmops_plugins.sagemaker.sdk.v2 import Line2
from llmops_sdk.plugin import EndpointError

from .fixtures import MODEL_ID


def as_sent(request: Mapping[str, Any]) -> Any:
    """Return a request as JSON: enumerations of the SDK become text."""
    return json.loads(json.dumps(request))


def sorted_tags(request: Mapping[str, Any]) -> Any:
    """Return a request as JSON, with its tags in the order of their keys, which means nothing."""
    fields = as_sent(request)
    return {**fields, "Tags": sorted(fields["Tags"], key=lambda tag: str(tag["Key"]))}


class Recorder:
    """Takes the place of boto3's SageMaker client in the SDK: records Create* requests, and sends all others.

    Args:
        aws: The account and region.
    """

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._client = aws.client("sagemaker")
        self._requests: dict[str, Request] = {}

    def __getattr__(self, name: str) -> Any:
        return partial(self._record, name) if name.startswith("create_") else getattr(self._client, name)

    def _record(self, name: str, **request: Any) -> dict[str, Any]:
        self._requests[name] = request
        return {}

    def request(self, name: str) -> Request:
        """Return a recorded request: `create_training_job`, `create_model`, ...

        Raises:
            EndpointError: The SDK did not make it.
        """
        if name not in self._requests:
            message = f"the SageMaker SDK made no {name} request: this version of it is not supported"
            raise EndpointError(message)
        return self._requests[name]

    def session(self) -> Any:
        """Return a session of the SDK that uses this recorder as its client."""
        from sagemaker.session import Session

        return Session(
            boto_session=self._aws.session,
            sagemaker_client=self,
            default_bucket=self._aws.bucket,
            sagemaker_config=load_config(Line2(), self._aws.session, self._aws.region),
        )


def sdk_training_request(aws: Aws, version: str, choices: TrainingChoices) -> Request:
    """Return the CreateTrainingJob request of a JumpStart model, as `JumpStartEstimator.fit` would send it.

    Raises:
        UserError: The SDK refuses the model or an option.
    """
    settings = aws.settings
    with sdk_call(f"training job {choices.job_name!r}"):
        from sagemaker.jumpstart.estimator import JumpStartEstimator

        recorder = Recorder(aws)
        estimator = JumpStartEstimator(
            model_id=MODEL_ID,
            model_version=version,
            sagemaker_session=recorder.session(),
            region=aws.region,
            role=aws.role,
            # Training reads the acceptance here, in every version of a model; `fit(accept_eula=True)` puts it into the channel.
            environment={"accept_eula": "true"} if choices.accept_eula else None,
            disable_output_compression=choices.disable_output_compression,
            tolerate_vulnerable_model=True,
            tolerate_deprecated_model=True,
            instance_type=choices.instance_type,
            instance_count=choices.instance_count,
            volume_size=choices.volume_size,
            max_run=choices.max_run,
            use_spot_instances=True if choices.max_wait else None,
            max_wait=choices.max_wait,
            checkpoint_s3_uri=choices.checkpoint_uri or None,
            keep_alive_period_in_seconds=choices.keep_alive_seconds or None,
            output_path=choices.output_uri,
            output_kms_key=settings.kms_key or None,
            volume_kms_key=settings.kms_key or None,
            subnets=list(settings.subnets) or None,
            security_group_ids=list(settings.security_groups) or None,
            tags=[dict(tag) for tag in choices.tags],  # the SDK adds its own tags to the list
        )
        estimator.set_hyperparameters(**choices.hyperparameters)
        estimator.fit({"training": choices.data_uri}, job_name=choices.job_name, wait=False)
        request = recorder.request("create_training_job")
        resources = request["ResourceConfig"]
        resources_sent = without_refused_key(resources, "VolumeKmsKeyId", [resources["InstanceType"]])
        return {**request, "ResourceConfig": resources_sent}


def sdk_endpoint_requests(aws: Aws, version: str, choices: EndpointChoices) -> EndpointRequests:
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
        config_name = _inference_config(aws, session, version) if tuned else None
        model = JumpStartModel(
            model_id=MODEL_ID,
            model_version=version,
            sagemaker_session=session,
            region=aws.region,
            role=aws.role,
            name=choices.name,
            model_data=choices.model_data,
            env=dict(choices.environment) or None,
            tolerate_vulnerable_model=True,
            tolerate_deprecated_model=True,
            instance_type=choices.instance_type or _default_instance(aws, session, version, choices, config_name),
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


def _default_instance(aws: Aws, session: Any, version: str, choices: EndpointChoices, config: str | None) -> str | None:
    """Return the default instance for weights trained on an instance type; None lets the model's metadata choose."""
    if choices.training_instance_type is None:
        return None
    from sagemaker import instance_types

    instance_type: str = instance_types.retrieve_default(
        model_id=MODEL_ID,
        model_version=version,
        scope="inference",
        region=aws.region,
        tolerate_vulnerable_model=True,
        tolerate_deprecated_model=True,
        sagemaker_session=session,
        training_instance_type=choices.training_instance_type,
        config_name=config,
    )
    return instance_type


def _inference_config(aws: Aws, session: Any, version: str) -> str | None:
    """Return the serving configuration that belongs to the first training configuration, if the model has any."""
    from sagemaker.jumpstart.enums import JumpStartScriptScope
    from sagemaker.jumpstart.utils import get_top_ranked_config_name, verify_model_region_and_return_specs

    model = {
        "model_id": MODEL_ID,
        "region": aws.region,
        "scope": JumpStartScriptScope.TRAINING,
        "tolerate_vulnerable_model": True,
        "tolerate_deprecated_model": True,
        "sagemaker_session": session,
    }
    specs = verify_model_region_and_return_specs(version=version, **model)
    configs = getattr(specs, "training_configs", None)
    if not configs:
        return None
    trained = configs.configs.get(get_top_ranked_config_name(model_version=version, **model))
    return getattr(trained, "default_inference_config", None)
