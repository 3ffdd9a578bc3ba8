"""The requests that the SageMaker SDK makes for a JumpStart model, recorded and not sent."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.sdk.config import load_config
from llmops_plugins.sagemaker.sdk.loading import load
from llmops_sdk.plugin import EndpointError

Request = Mapping[str, Any]
"""The parameters of one boto3 call."""


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
        return load().session.Session(
            boto_session=self._aws.session,
            sagemaker_client=self,
            default_bucket=self._aws.bucket,
            sagemaker_config=load_config(self._aws.session, self._aws.region),
        )
