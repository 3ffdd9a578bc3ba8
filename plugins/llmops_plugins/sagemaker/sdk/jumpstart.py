"""The requests that the SDK would send for a JumpStart model, recorded and not sent."""

from __future__ import annotations

from functools import partial
from typing import Any

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.sdk.config import building, load_config
from llmops_plugins.sagemaker.sdk.loading import load
from llmops_plugins.sagemaker.sdk.requests import EndpointChoices, EndpointRequests, Request, TrainingChoices
from llmops_sdk.plugin import EndpointError


def training_request(aws: Aws, choices: TrainingChoices) -> Request:
    """Return the CreateTrainingJob request of a JumpStart model, as `JumpStartEstimator.fit` would send it.

    Raises:
        UserError: The SDK refuses the model or an option; in its words.
    """
    settings = aws.settings
    with building(f"training job {choices.job_name!r}"):
        from sagemaker.jumpstart.estimator import JumpStartEstimator

        recorder = _Recorder(aws.client("sagemaker"))
        estimator = JumpStartEstimator(
            model_id=choices.model_id,
            model_version=choices.version,
            sagemaker_session=open_session(aws, recorder),
            region=aws.region,
            role=aws.role,
            # Training asks for the licence here, in every version of a model; `fit(accept_eula=True)` asks elsewhere.
            environment={"accept_eula": "true"} if choices.accept_eula else None,
            disable_output_compression=choices.disable_output_compression,
            tolerate_vulnerable_model=choices.tolerate_vulnerable_model,
            tolerate_deprecated_model=choices.tolerate_deprecated_model,
            instance_type=choices.instance_type,
            instance_count=choices.instance_count,
            volume_size=choices.volume_size,
            max_run=choices.max_run,
            use_spot_instances=True if choices.max_wait else None,
            max_wait=choices.max_wait,
            output_path=choices.output_uri,
            output_kms_key=settings.kms_key or None,
            volume_kms_key=settings.kms_key or None,
            subnets=list(settings.subnets) or None,
            security_group_ids=list(settings.security_groups) or None,
            tags=_copied(choices.tags),
        )
        estimator.set_hyperparameters(**choices.hyperparameters)
        estimator.fit({"training": choices.data_uri}, job_name=choices.job_name, wait=False)
        return recorder.request("create_training_job")


def endpoint_requests(aws: Aws, choices: EndpointChoices) -> EndpointRequests:
    """Return the requests that deploy a JumpStart model, as `estimator.deploy` or `JumpStartModel.deploy` would send them.

    Raises:
        UserError: The SDK refuses the model or an option; in its words.
    """
    settings = aws.settings
    with building(f"endpoint {choices.name!r}"):
        from sagemaker.jumpstart.model import JumpStartModel

        recorder = _Recorder(aws.client("sagemaker"))
        session = open_session(aws, recorder)
        tuned = choices.model_data is not None
        config = _inference_config(aws, session, choices) if tuned else None
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
            instance_type=choices.instance_type or _default_instance(aws, session, choices, config),
            config_name=config,
            vpc_config=_vpc(aws),
        )
        if tuned:
            # Else 2.253.1 deploys the provider's package, which is the base model, and not these weights.
            model.model_package_arn = None
        model.deploy(
            initial_instance_count=choices.instance_count,
            endpoint_name=choices.name,
            kms_key=settings.kms_key or None,
            accept_eula=True if choices.accept_eula and not tuned else None,
            model_data_download_timeout=choices.model_data_download_timeout,
            container_startup_health_check_timeout=choices.container_startup_health_check_timeout,
            tags=_copied(choices.tags),
            wait=False,
        )
        return EndpointRequests(
            recorder.request("create_model"),
            recorder.request("create_endpoint_config"),
            recorder.request("create_endpoint"),
        )


def _copied(tags: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return tags that the SDK may add its own to, which it does in place."""
    return [dict(tag) for tag in tags]


def _vpc(aws: Aws) -> dict[str, list[str]] | None:
    settings = aws.settings
    if not settings.subnets:
        return None
    return {"Subnets": list(settings.subnets), "SecurityGroupIds": list(settings.security_groups)}


def _default_instance(aws: Aws, session: Any, choices: EndpointChoices, config: str | None) -> str | None:
    """Return the instance that suits what a training instance made; None lets the model's metadata choose."""
    if choices.training_instance_type is None:
        return None
    from sagemaker import instance_types

    found: str = instance_types.retrieve_default(
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
    return found


def _inference_config(aws: Aws, session: Any, choices: EndpointChoices) -> str | None:
    """Return the configuration that serves what the model's first training configuration made, where there are any."""
    from sagemaker.jumpstart.enums import JumpStartScriptScope
    from sagemaker.jumpstart.utils import get_top_ranked_config_name, verify_model_region_and_return_specs

    where = {
        "model_id": choices.model_id,
        "region": aws.region,
        "scope": JumpStartScriptScope.TRAINING,
        "tolerate_vulnerable_model": True,
        "tolerate_deprecated_model": True,
        "sagemaker_session": session,
    }
    specs = verify_model_region_and_return_specs(version=choices.version, **where)
    configs = getattr(specs, "training_configs", None)
    if not configs:
        return None
    trained = configs.configs.get(get_top_ranked_config_name(model_version=choices.version, **where))
    return getattr(trained, "default_inference_config", None)


def open_session(aws: Aws, client: Any) -> Any:
    """Open a session of the SDK with the account's own configuration, and with `client` for its requests."""
    return load().session.Session(
        boto_session=aws.session,
        sagemaker_client=client,
        default_bucket=aws.bucket,
        sagemaker_config=load_config(aws),
    )


class _Recorder:
    """Stands where the SDK expects boto3's client: keeps Create* requests, and hands everything else on."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._requests: dict[str, Request] = {}

    def __getattr__(self, name: str) -> Any:
        return partial(self._keep, name) if name.startswith("create_") else getattr(self._client, name)

    def _keep(self, name: str, **request: Any) -> dict[str, Any]:
        self._requests[name] = request
        return {}

    def request(self, name: str) -> Request:
        if name not in self._requests:
            message = f"the SageMaker SDK made no {name} request; its version is not one that is supported"
            raise EndpointError(message)
        return self._requests[name]
