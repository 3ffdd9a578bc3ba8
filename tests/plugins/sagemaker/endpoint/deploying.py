"""Deploying as the `generate` step does, for the tests of endpoints."""

from __future__ import annotations

import pytest

pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.endpoint.deployer import SageMakerEndpoint
from llmops_plugins.sagemaker.endpoint.options import SageMakerEndpointOptions
from llmops_sdk.plugin import BaseModel, Context, Endpoint, ServableModel, TrainedModel

from ..fixtures import MODEL_ID

NAME = "llmops-run-1-generate-llama"


OPTIONS = SageMakerEndpointOptions(poll_seconds=0.01, start_timeout=30.0, delete_timeout=30.0, max_concurrency=3)


BASE = BaseModel("jumpstart", MODEL_ID, "4.0.0", {"accept_eula": "true"})


TRAINED = TrainedModel("jumpstart-artifact", "s3://b/job/output/model", BASE, metadata={"compression": "NONE"})


def with_endpoint(
    context: Context, model: ServableModel = TRAINED, options: SageMakerEndpointOptions = OPTIONS
) -> Endpoint:
    """Deploy and delete as the `generate` step does: all three are deleted in every case, the last one named first."""
    deployer = SageMakerEndpoint(options)
    resources = deployer.resources(context, model)
    try:
        return deployer.deploy(context, model)
    finally:
        for resource in reversed(resources):
            deployer.delete(context, resource)
