"""The request that starts a training job of a JumpStart model."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.instances import without_refused_key
from llmops_plugins.sagemaker.jumpstart.recorder import Recorder, Request
from llmops_plugins.sagemaker.sdk.config import sdk_call


@attrs.frozen(kw_only=True)
class TrainingChoices:
    """The choices for a training job. None takes the value of the model's metadata.

    Attributes:
        job_name: The name of the job.
        model_id: The JumpStart id.
        version: The exact version.
        data_uri: The S3 folder that contains `train.jsonl` and `template.json`.
        output_uri: The S3 folder below which the job writes its model.
        hyperparameters: Override the defaults of the model.
        accept_eula: Whether the user accepted the model's licence.
        tolerate_vulnerable_model: Whether known vulnerabilities are accepted.
        tolerate_deprecated_model: Whether a deprecated model is accepted.
        instance_type: The instance type.
        instance_count: The number of instances.
        volume_size: Disk size in GiB.
        max_run: Seconds after which SageMaker stops the job.
        max_wait: Seconds for waiting for spot instances and running on them, or None for on-demand instances.
        disable_output_compression: Whether the model is stored as files, not as a `model.tar.gz`.
        tags: The tags of the job.
    """

    job_name: str
    model_id: str
    version: str
    data_uri: str
    output_uri: str
    hyperparameters: Mapping[str, str]
    accept_eula: bool
    tolerate_vulnerable_model: bool
    tolerate_deprecated_model: bool
    instance_type: str | None
    instance_count: int
    volume_size: int | None
    max_run: int | None
    max_wait: int | None
    disable_output_compression: bool
    tags: list[dict[str, str]]


def training_request(aws: Aws, choices: TrainingChoices) -> Request:
    """Return the CreateTrainingJob request of a JumpStart model, as `JumpStartEstimator.fit` would send it.

    Raises:
        UserError: The SDK refuses the model or an option.
    """
    settings = aws.settings
    with sdk_call(f"training job {choices.job_name!r}"):
        from sagemaker.jumpstart.estimator import JumpStartEstimator

        recorder = Recorder(aws)
        estimator = JumpStartEstimator(
            model_id=choices.model_id,
            model_version=choices.version,
            sagemaker_session=recorder.session(),
            region=aws.region,
            role=aws.role,
            # Training reads the acceptance here, in every version of a model; `fit(accept_eula=True)` puts it into the channel.
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
            tags=[dict(tag) for tag in choices.tags],  # the SDK adds its own tags to the list
        )
        estimator.set_hyperparameters(**choices.hyperparameters)
        estimator.fit({"training": choices.data_uri}, job_name=choices.job_name, wait=False)
        request = recorder.request("create_training_job")
        resources = request["ResourceConfig"]
        resources_sent = without_refused_key(resources, "VolumeKmsKeyId", [resources["InstanceType"]])
        return {**request, "ResourceConfig": resources_sent}
