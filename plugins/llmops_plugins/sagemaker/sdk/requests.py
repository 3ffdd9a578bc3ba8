"""What the SageMaker SDK is asked to build requests from, and what it builds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

Request = Mapping[str, Any]
"""The parameters of one call of boto3."""


@attrs.frozen(kw_only=True)
class TrainingChoices:
    """What a training job is made of, beside what the model's own metadata says. None takes the metadata's.

    Attributes:
        job_name: Its name.
        model_id: The JumpStart id.
        version: The exact version.
        data_uri: The S3 folder with `train.jsonl` and `template.json`.
        output_uri: The S3 folder below which the job puts its model.
        hyperparameters: Over the model's defaults.
        accept_eula: Whether the user accepted the model's licence.
        tolerate_vulnerable_model: As the SDK has it.
        tolerate_deprecated_model: As the SDK has it.
        instance_type: Of the job.
        instance_count: Of the job.
        volume_size: GiB.
        max_run: Seconds.
        max_wait: Seconds to wait for spot instances and run on them, or None for on-demand instances.
        disable_output_compression: Whether the model is left as files, and not as a `model.tar.gz`.
        tags: Of the job.
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


@attrs.frozen(kw_only=True)
class EndpointChoices:
    """What an endpoint is made of, beside what the model's own metadata says. None takes the metadata's.

    Attributes:
        name: Of endpoint, configuration and model.
        model_id: The JumpStart id.
        version: The exact version.
        model_data: Where fine-tuned weights are: the URI of a `model.tar.gz`, or an `S3DataSource`; None for the base model.
        training_instance_type: On which they were made; it may decide the default instance and configuration.
        accept_eula: Whether the user accepted the model's licence.
        tolerate_vulnerable_model: As the SDK has it.
        tolerate_deprecated_model: As the SDK has it.
        instance_type: Of the endpoint.
        instance_count: Of the endpoint.
        model_data_download_timeout: Seconds in which an instance must have the weights.
        container_startup_health_check_timeout: Seconds in which the container must answer its first ping.
        environment: On top of the container's.
        tags: Of all three.
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
    """The three requests that make an endpoint, in their order."""

    model: Request
    endpoint_config: Request
    endpoint: Request
