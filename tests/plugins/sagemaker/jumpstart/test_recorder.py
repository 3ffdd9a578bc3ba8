"""Recording the requests of the SageMaker SDK."""

from __future__ import annotations

import pytest

pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.jumpstart.recorder import Recorder
from llmops_sdk import EndpointError

from ..fixtures import Cloud


def test_only_requests_that_create_something_are_recorded(aws: Aws, cloud: Cloud) -> None:
    """Others are sent; a request that the SDK did not make is an error."""
    recorder = Recorder(aws)
    assert {} == recorder.create_model(ModelName="m")
    assert [] == recorder.list_models()["Models"]

    assert {"ModelName": "m"} == recorder.request("create_model")
    assert ([], 1) == (cloud.created, len(cloud.requests("ListModels")))
    with pytest.raises(EndpointError, match="the SageMaker SDK made no create_endpoint request"):
        recorder.request("create_endpoint")


def test_the_session_of_the_sdk_uses_the_recorder(aws: Aws) -> None:
    """So no request of the SDK creates anything."""
    recorder = Recorder(aws)
    session = recorder.session()

    assert (recorder, aws.bucket) == (session.sagemaker_client, session.default_bucket())
