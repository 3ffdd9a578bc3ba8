"""The choices of a training job and an endpoint, as in the article."""

from __future__ import annotations

import pytest

pytest.importorskip("boto3")

from llmops_plugins.sagemaker.endpoint.requests import EndpointChoices
from llmops_plugins.sagemaker.jumpstart.requests import TrainingChoices

from .fixtures import BUCKET

HYPERPARAMETERS = {"instruction_tuned": "True", "epoch": "1", "max_input_length": "1024"}


TAGS = [{"Key": "llmops:run-id", "Value": "run-1"}]


TRAINING = TrainingChoices(
    job_name="job-1",
    data_uri=f"s3://{BUCKET}/dolly_dataset",
    output_uri=f"s3://{BUCKET}/",
    hyperparameters=HYPERPARAMETERS,
    accept_eula=True,
    instance_type=None,
    instance_count=1,
    volume_size=None,
    max_run=None,
    max_wait=None,
    disable_output_compression=True,
    image_uri="",
    tags=TAGS,
)


ENDPOINT = EndpointChoices(
    name="ep-1",
    model_data=None,
    training_instance_type=None,
    accept_eula=True,
    instance_type=None,
    instance_count=1,
    model_data_download_timeout=None,
    container_startup_health_check_timeout=None,
    environment={},
    image_uri="",
    tags=TAGS,
)
