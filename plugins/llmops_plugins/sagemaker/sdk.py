"""The one module that imports `sagemaker`, in versions 2.253.1 to 2.257: it builds requests, and sends nothing.

The SDK knows which image, script, environment and tags a JumpStart model needs. It is handed a client that keeps the
Create* requests instead of sending them; boto3 sends them in `training_job.py` and `hosting.py`. So no call of the SDK creates,
waits or costs, and what is created has our names and tags and was in the ledger before.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

from llmops_plugins.sagemaker.aws import Aws
from llmops_plugins.sagemaker.aws_errors import told
from llmops_plugins.sagemaker.interrupts import held_interrupt
from llmops_plugins.sagemaker.sdk_requests import EndpointChoices, EndpointRequests, Request, TrainingChoices
from llmops_sdk import EndpointError, LLMOpsError, UserError


def training_request(aws: Aws, choices: TrainingChoices) -> Request:
    """Return the CreateTrainingJob request of a JumpStart model, as `JumpStartEstimator.fit` would send it.

    Raises:
        UserError: The SDK refuses the model or an option; in its words.
    """
    settings = aws.settings
    with _building(f"training job {choices.job_name!r}"):
        from sagemaker.jumpstart.estimator import JumpStartEstimator

        recorder = _Recorder(aws.client("sagemaker"))
        estimator = JumpStartEstimator(
            model_id=choices.model_id,
            model_version=choices.version,
            sagemaker_session=_session(aws, recorder),
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
    with _building(f"endpoint {choices.name!r}"):
        from sagemaker.jumpstart.model import JumpStartModel

        recorder = _Recorder(aws.client("sagemaker"))
        session = _session(aws, recorder)
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


def configured(aws: Aws, *keys: str) -> str:
    """Return a text of the user's SageMaker config, or an empty one.

    Args:
        aws: Whose credentials read a config that lies in S3.
        *keys: The way to it, from `SageMaker` on.
    """
    with _building("SageMaker config"):
        found: Any = _config(aws)
        for key in keys:
            found = found.get(key, {}) if isinstance(found, Mapping) else {}
        return found if isinstance(found, str) else ""


# -- the SDK, tamed -----------------------------------------------------------------------------


def load() -> Any:
    """Import `sagemaker` once, quiet and without what it does to its surroundings.

    It sends no telemetry, asks STS where boto3 would (so that `AWS_ENDPOINT_URL` counts), and checks its configuration
    without checking the schema itself each time, which took 70 ms of every look-up.
    """
    return _loaded()


@cache
def _loaded() -> Any:
    hook, quiet = sys.excepthook, "SAGEMAKER_SUPPRESS_V2_WARNING"
    said = os.environ.get(quiet)
    os.environ[quiet] = "1"
    logging.getLogger("sagemaker.config").setLevel(logging.WARNING)  # it tells about its files while it is imported
    try:
        import sagemaker
        import sagemaker.config.config
        import sagemaker.jumpstart.utils
        import sagemaker.session
        import sagemaker.utils
        from sagemaker.telemetry import telemetry_logging
    finally:
        sys.excepthook = hook  # sagemaker-core installs rich's
        if said is None:
            del os.environ[quiet]
        else:
            os.environ[quiet] = said
    telemetry_logging._send_telemetry_request = lambda *_args, **_kwargs: None  # noqa: SLF001
    sagemaker.session.sts_regional_endpoint = lambda _region: None
    validate = _validator()
    for module in (sagemaker.utils, sagemaker.session, sagemaker.config.config):
        module.validate_sagemaker_config = validate
    # For each look at a model, this makes several clients, to log where its licence lies.
    sagemaker.jumpstart.utils.emit_logs_based_on_model_specs = lambda *_args, **_kwargs: None
    # What it warns of is asked and checked in `jumpstart_check.py`.
    for name in ("sagemaker", "sagemaker.jumpstart", "sagemaker.telemetry.telemetry_logging"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return sagemaker


def _validator() -> Any:
    from jsonschema import validators
    from sagemaker.config.config_schema import SAGEMAKER_PYTHON_SDK_CONFIG_SCHEMA as SCHEMA

    validator = validators.validator_for(SCHEMA)(SCHEMA)
    return lambda sagemaker_config=None: validator.validate(sagemaker_config)


def _config(aws: Aws) -> dict[str, Any]:
    """Return the user's SageMaker config with the telemetry turned off in it."""
    from sagemaker.config import load_sagemaker_config

    config: dict[str, Any] = load_sagemaker_config(s3_resource=aws.session.resource("s3", region_name=aws.region))
    config.setdefault("SchemaVersion", "1.0")
    modules = config
    for key in ("SageMaker", "PythonSDK", "Modules"):
        modules = modules.setdefault(key, {})
    modules["TelemetryOptOut"] = True
    return config


def _session(aws: Aws, client: Any) -> Any:
    return load().session.Session(
        boto_session=aws.session,
        sagemaker_client=client,
        default_bucket=aws.bucket,
        sagemaker_config=_config(aws),
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


@contextmanager
def _building(what: str) -> Iterator[None]:
    """Call the SDK: an interrupt waits for its end, and its refusals get one line.

    The SDK raises ValueError, AttributeError and classes of its own for what the user can mend.
    """
    with held_interrupt(), told(what), warnings.catch_warnings():
        # 2.257 tells at each of its classes that version 3 will have others.
        warnings.filterwarnings("ignore", message=".*SageMaker Python SDK v2", category=FutureWarning)
        load()
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (BotoCoreError, ClientError, LLMOpsError):
            raise
        except Exception as exc:
            message = f"{what}: the SageMaker SDK refuses it: {' '.join(str(exc).split())}"
            raise UserError(message) from exc


# -- pipelines ----------------------------------------------------------------------------------


@contextmanager
def workflow(aws: Aws, bucket: str, s3: Any, own_config: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Lend what a pipeline of `@step` functions is made of: the SDK's own classes, and a session for its compiler.

    Args:
        aws: The account.
        bucket: The default bucket, which is taken to be there.
        s3: Stands where the SDK expects boto3's S3 resource.
        own_config: Laid over the user's `RemoteFunction` configuration.
    """
    with _building("pipeline"):
        from sagemaker.workflow import retry
        from sagemaker.workflow.execution_variables import ExecutionVariables
        from sagemaker.workflow.function_step import step
        from sagemaker.workflow.parameters import ParameterString
        from sagemaker.workflow.pipeline import Pipeline
        from sagemaker.workflow.step_outputs import get_step

        logging.getLogger("sagemaker.remote_function").setLevel(logging.ERROR)  # it tells every upload
        config = _config(aws)
        modules = config["SageMaker"]["PythonSDK"]["Modules"]
        modules["RemoteFunction"] = {**modules.get("RemoteFunction", {}), **own_config}
        session = load().session.Session(
            boto_session=aws.session, sagemaker_client=aws.client("sagemaker"), sagemaker_config=config
        )
        session.s3_resource = s3
        session._default_bucket = bucket  # noqa: SLF001 - else it asks S3 whether it is there
        yield (
            SimpleNamespace(
                step=step,
                get_step=get_step,
                Pipeline=Pipeline,
                ParameterString=ParameterString,
                EXECUTION_ID=ExecutionVariables.PIPELINE_EXECUTION_ID,
                StepRetryPolicy=retry.StepRetryPolicy,
                StepExceptionTypeEnum=retry.StepExceptionTypeEnum,
                JobRetryPolicy=retry.SageMakerJobStepRetryPolicy,
                JobExceptionTypeEnum=retry.SageMakerJobExceptionTypeEnum,
            ),
            session,
        )


def remote_function_config(aws: Aws) -> Mapping[str, Any]:
    """Return the user's own `RemoteFunction` configuration."""
    with _building("SageMaker config"):
        modules = _config(aws)["SageMaker"]["PythonSDK"]["Modules"]
        found: Mapping[str, Any] = modules.get("RemoteFunction", {})
        return found


def version() -> str:
    """Return the version of the SageMaker SDK that is installed here, without importing it."""
    from importlib.metadata import version as installed

    return installed("sagemaker")
