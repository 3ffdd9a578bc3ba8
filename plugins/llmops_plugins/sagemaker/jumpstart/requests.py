"""The request that starts a training job of a JumpStart model, made from the model's specification.

It equals the request that `JumpStartEstimator.fit` of the SageMaker SDK 2.257 sends; the tests compare them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.instances import volume_is_chosen, without_refused_key
from llmops_plugins.sagemaker.jumpstart.fields import Fields
from llmops_plugins.sagemaker.jumpstart.spec import JumpStartSpec
from llmops_sdk.plugin import UserError

Request = Mapping[str, Any]
"""The parameters of one boto3 call."""

_CONFIG = ("SageMaker", "TrainingJob")
"""The section of the user's config."""

_PROGRAM = "transfer_learning.py"
"""The file in every training script archive of JumpStart that is run."""

_GATED_MODEL = "SageMakerGatedModelS3Uri"
"""The variable in which older scripts find the weights of a gated model."""

_LOG_LEVEL = 20
"""INFO of Python's logging."""

_VOLUME, _RUNTIME = 30, 24 * 3600
"""Size of a volume in GiB and longest run in seconds, where neither the user nor the specification sets them."""

_NO_DEBUGGER = frozenset(
    {
        "ap-south-2",
        "ap-southeast-3",
        "ap-southeast-4",
        "eu-central-2",
        "eu-south-2",
        "me-central-1",
        "us-gov-east-1",
        "us-iso-east-1",
        "us-isob-east-1",
    }
)
"""Regions without SageMaker Debugger and its profiler, as SageMaker SDK 2.257 lists them."""


@attrs.frozen(kw_only=True)
class TrainingChoices:
    """The choices for a training job. None takes the value of the model's specification.

    Attributes:
        job_name: The name of the job.
        data_uri: The S3 folder that contains `train.jsonl` and `template.json`.
        output_uri: The S3 folder below which the job writes its model.
        hyperparameters: Override the defaults of the model.
        accept_eula: Whether the user accepted the model's licence.
        instance_type: The instance type.
        instance_count: The number of instances.
        volume_size: Disk size in GiB.
        max_run: Seconds after which SageMaker stops the job.
        max_wait: Seconds for waiting for spot instances and running on them, or None for on-demand instances.
        disable_output_compression: Whether the model is stored as files, not as a `model.tar.gz`.
        image_uri: The container's image; empty takes that of the specification.
        tags: The tags of the job.
        checkpoint_uri: The S3 folder that SageMaker keeps equal to the container's folder of checkpoints; empty for none.
        keep_alive_seconds: Seconds for which the instances are kept after the job, and billed.
    """

    job_name: str
    data_uri: str
    output_uri: str
    hyperparameters: Mapping[str, str]
    accept_eula: bool
    instance_type: str | None
    instance_count: int
    volume_size: int | None
    max_run: int | None
    max_wait: int | None
    disable_output_compression: bool
    image_uri: str
    tags: list[dict[str, str]]
    checkpoint_uri: str = ""
    keep_alive_seconds: int = 0


def training_request(aws: Aws, spec: JumpStartSpec, choices: TrainingChoices) -> Request:
    """Return the CreateTrainingJob request of a JumpStart model.

    Raises:
        UserError: The specification has no image for the region, or lacks fields.
    """
    fields = Fields.of(spec.data, aws.region, "training")
    configured = aws.config.section(*_CONFIG)
    instance_type = choices.instance_type or spec.training_instance
    extra: Mapping[str, Any] = fields.get("estimator_kwargs", {})
    weights = gated_weights(fields, instance_type)
    usual = fields.get("training_enable_network_isolation", False)
    is_isolated = bool(configured.get("EnableNetworkIsolation", usual))
    channels = _channels(fields, choices, instance_type, weights)
    if is_isolated:  # the container cannot fetch the script itself
        channels.append(_channel("code", _script(fields)))
    request = {
        "TrainingJobName": choices.job_name,
        "RoleArn": aws.role,
        "AlgorithmSpecification": {
            "TrainingInputMode": "File",
            "TrainingImage": choices.image_uri or fields.image(instance_type),
            "MetricDefinitions": _metrics(fields, instance_type),
        },
        "HyperParameters": _hyperparameters(fields, choices, instance_type, is_isolated=is_isolated),
        "InputDataConfig": channels,
        "OutputDataConfig": _output(aws, choices),
        "ResourceConfig": _resources(aws, fields, choices, instance_type),
        "StoppingCondition": {
            "MaxRuntimeInSeconds": choices.max_run or extra.get("max_run") or _RUNTIME,
            **({"MaxWaitTimeInSeconds": choices.max_wait} if choices.max_wait else {}),
        },
        "Environment": _environment(
            fields, choices, instance_type, weights, aws.config.section(*_CONFIG, "Environment")
        ),
        "Tags": jumpstart_tags(spec, choices.tags, aws.config.tags(*_CONFIG)),
        "VpcConfig": aws.vpc or configured.get("VpcConfig"),
        "EnableNetworkIsolation": is_isolated,
        "EnableInterContainerTrafficEncryption": configured.get(
            "EnableInterContainerTrafficEncryption", extra.get("encrypt_inter_container_traffic")
        ),
        "EnableManagedSpotTraining": bool(choices.max_wait),
        "CheckpointConfig": {"S3Uri": choices.checkpoint_uri} if choices.checkpoint_uri else None,
        **_debugger(aws, choices.output_uri),
    }
    return {name: value for name, value in request.items() if value not in (None, False, [])}


def jumpstart_tags(
    spec: JumpStartSpec,
    tags: Iterable[Mapping[str, str]],
    configured: Iterable[Mapping[str, str]] = (),
    *,
    configuration: str = "",
) -> list[dict[str, str]]:
    """Return tags with those by which AWS knows JumpStart's models, and those of the user's config that have other keys.

    Args:
        spec: The model.
        tags: The tags of the resource.
        configured: The tags of the user's config.
        configuration: The name of the inference configuration, or empty.
    """
    own = {
        "sagemaker-sdk:jumpstart-model-id": spec.model_id,
        "sagemaker-sdk:jumpstart-model-version": spec.version,
        **({"sagemaker-sdk:jumpstart-inference-config-name": configuration} if configuration else {}),
    }
    every = {tag["Key"]: tag["Value"] for tag in tags}
    every = {**every, **{key: value for key, value in own.items() if key not in every}}
    every = {**every, **{tag["Key"]: tag["Value"] for tag in configured if tag["Key"] not in every}}
    return [{"Key": key, "Value": value} for key, value in every.items()]


def content_bucket(region: str, *, gated: bool) -> str:
    """Return JumpStart's bucket of a region: that of gated models, or that of all others and of the scripts."""
    return f"jumpstart-private-cache-prod-{region}" if gated else f"jumpstart-cache-prod-{region}"


def gated_weights(fields: Fields, instance_type: str) -> str:
    """Return where the script of an older version finds gated weights by a variable; empty if they come as a channel.

    Raises:
        UserError: The specification has none for the region or the instance type.
    """
    which = f"JumpStart's {fields.get('model_id')!r} {fields.get('version')}"
    packaged: Mapping[str, str] = fields.get("training_model_package_artifact_uris", {})
    if packaged and fields.region not in packaged:
        message = f"{which} cannot be trained in {fields.region}: it has weights in {', '.join(sorted(packaged))}"
        raise UserError(message)
    if packaged:
        return packaged[fields.region]
    supported = fields.get("supported_training_instance_types", ())
    keys = {each: fields.of_instance(each, "gated_model_key_env_var_value") for each in (*supported, instance_type)}
    key = keys[instance_type]
    if key is None and len({keys[each] for each in supported}) == 1:
        key = keys[supported[0]]
    if key is None and any(keys.values()):
        message = f"{which} cannot be trained on {instance_type!r}: set instance_type to one of {', '.join(supported)}"
        raise UserError(message)
    return f"s3://{content_bucket(fields.region, gated=True)}/{key}" if key else ""


def _channels(fields: Fields, choices: TrainingChoices, instance_type: str, weights: str) -> list[dict[str, Any]]:
    """Return the job's inputs: the data, and the base weights unless a variable names them."""
    channels = [_channel("training", choices.data_uri)]
    if not weights:
        key = fields.of_instance(instance_type, "training_artifact_key") or fields.get("training_artifact_key")
        bucket = content_bucket(fields.region, gated=bool(fields.get("gated_bucket")))
        channels.append(_model_channel(f"s3://{bucket}/{key}", accept_eula=choices.accept_eula))
    return channels


def _script(fields: Fields) -> str:
    key = fields.get("training_prepacked_script_key") or fields.get("training_script_key")
    return f"s3://{content_bucket(fields.region, gated=False)}/{key}"


def _environment(
    fields: Fields, choices: TrainingChoices, instance_type: str, weights: str, configured: Mapping[str, str]
) -> dict[str, str] | None:
    """Return the variables of the container, or None if there are none.

    The licence is accepted in the channel of the base weights, or, where a variable names the weights, by another variable.
    Those of the user's config are used where there are no others, as in the SDK.
    """
    of_instance = fields.items_of_instance(instance_type, "environment_variables")
    environment = {name: str(value) for name, value in of_instance.items()}
    if weights:
        environment[_GATED_MODEL] = weights
        if choices.accept_eula:
            environment["accept_eula"] = "true"
    if choices.accept_eula:
        return environment
    return environment or dict(configured) or None


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"DataSource": {"S3DataSource": source}, "ChannelName": name}


def _model_channel(uri: str, *, accept_eula: bool) -> dict[str, Any]:
    channel = _channel("model", uri)
    if accept_eula:
        channel["DataSource"]["S3DataSource"]["ModelAccessConfig"] = {"AcceptEula": True}
    return {**channel, "ContentType": "application/x-sagemaker-model", "InputMode": "File"}


def _hyperparameters(
    fields: Fields, choices: TrainingChoices, instance_type: str, *, is_isolated: bool
) -> dict[str, str]:
    """Return the hyperparameters as JSON texts, with those by which SageMaker's containers find the script."""
    defaults = {
        item["name"]: str(item["default"])
        for item in fields.get("hyperparameters", ())
        if item.get("scope") == "algorithm"
    }
    of_instance = fields.items_of_instance(instance_type, "hyperparameters")
    values: dict[str, Any] = {
        **defaults,
        **{name: str(item["default"]) for name, item in of_instance.items()},
        **choices.hyperparameters,
        "sagemaker_submit_directory": "/opt/ml/input/data/code/sourcedir.tar.gz" if is_isolated else _script(fields),
        "sagemaker_program": _PROGRAM,
        "sagemaker_container_log_level": _LOG_LEVEL,
        "sagemaker_job_name": choices.job_name,
        "sagemaker_region": fields.region,
    }
    return {name: json.dumps(value) for name, value in values.items()}


def _metrics(fields: Fields, instance_type: str) -> list[dict[str, str]]:
    of_instance = fields.items_of_instance(instance_type, "metrics")
    usual = [metric for metric in fields.get("metrics", ()) if metric["Name"] not in of_instance]
    return [*usual, *of_instance.values()]


def _output(aws: Aws, choices: TrainingChoices) -> dict[str, str]:
    key = aws.settings.kms_key or aws.config.text(*_CONFIG, "OutputDataConfig", "KmsKeyId")
    return {
        "S3OutputPath": choices.output_uri,
        **({"KmsKeyId": key} if key else {}),
        **({"CompressionType": "NONE"} if choices.disable_output_compression else {}),
    }


def _resources(aws: Aws, fields: Fields, choices: TrainingChoices, instance_type: str) -> dict[str, Any]:
    usual = fields.get("training_volume_size") if volume_is_chosen(instance_type) else None
    key = aws.settings.kms_key or aws.config.text(*_CONFIG, "ResourceConfig", "VolumeKmsKeyId")
    resources = {
        "InstanceType": instance_type,
        "InstanceCount": choices.instance_count,
        "VolumeSizeInGB": choices.volume_size or usual or _VOLUME,
        **({"VolumeKmsKeyId": key} if key else {}),
        **({"KeepAlivePeriodInSeconds": choices.keep_alive_seconds} if choices.keep_alive_seconds else {}),
    }
    return without_refused_key(resources, "VolumeKmsKeyId", [instance_type])


def _debugger(aws: Aws, output_uri: str) -> dict[str, Any]:
    if aws.region in _NO_DEBUGGER:
        return {}
    return {
        "DebugHookConfig": {"S3OutputPath": output_uri, "CollectionConfigurations": []},
        "ProfilerConfig": {"S3OutputPath": output_uri, "DisableProfiler": False},
    }
