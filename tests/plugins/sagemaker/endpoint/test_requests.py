"""The requests that create an endpoint of a JumpStart model; `jumpstart/test_requests.py` compares them with the article's."""

from __future__ import annotations

import attrs
import pytest

pytest.importorskip("boto3")

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.endpoint.requests import endpoint_requests
from llmops_plugins.sagemaker.jumpstart.requests import training_request
from llmops_plugins.sagemaker.jumpstart.spec import read_spec

from ..choices import ENDPOINT, TRAINING
from ..fixtures import BUCKET, MODEL_ID, Edit


def test_a_model_archive_is_deployed_by_its_uri(aws: Aws) -> None:
    """Without `disable_output_compression` the model is a `model.tar.gz`."""
    request = training_request(
        aws, read_spec(aws, MODEL_ID, "2.0.4"), attrs.evolve(TRAINING, disable_output_compression=False)
    )
    uri = f"s3://{BUCKET}/job-1/output/model.tar.gz"

    requests = endpoint_requests(
        aws,
        read_spec(aws, MODEL_ID, "2.0.4"),
        attrs.evolve(ENDPOINT, model_data=uri, training_instance_type="ml.g5.12xlarge"),
    )

    assert "CompressionType" not in request["OutputDataConfig"]
    assert uri == requests.model["PrimaryContainer"]["ModelDataUrl"]


def test_a_base_model_accepts_its_licence_in_the_request(aws: Aws, jumpstart: Edit) -> None:
    """Newer versions of gated models are folders of files, with `AcceptEula`."""
    jumpstart("4.1.0", hosting_prepacked_artifact_key="meta-textgeneration/llama-2-7b/artifacts/inference/v1.0.0/")

    requests = endpoint_requests(aws, read_spec(aws, MODEL_ID, "4.1.0"), ENDPOINT)

    source = requests.model["PrimaryContainer"]["ModelDataSource"]["S3DataSource"]
    assert {"AcceptEula": True} == source["ModelAccessConfig"]
