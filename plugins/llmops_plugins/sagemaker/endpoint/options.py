"""The options of SageMaker endpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from attrs import validators

from llmops_plugins.sagemaker.aws.names import ENDPOINT_BY_NAME
from llmops_plugins.sagemaker.jumpstart.options import check_serving
from llmops_sdk.plugin import BaseModel, Check, DeployerOptions, ModelOptions, option

_positive = validators.gt(0)
_at_least_one = validators.ge(1)
_SHORTEST, _LONGEST = 60, 3600
"""Seconds that SageMaker takes as a time-out of an instance's start."""

_endpoint_name = validators.matches_re(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


def _start_up(_: object, attribute: attrs.Attribute[int | None], value: int | None) -> None:
    if value is not None and not _SHORTEST <= value <= _LONGEST:
        message = f"{attribute.name!r} must be {_SHORTEST} to {_LONGEST} seconds: {value}"
        raise ValueError(message)


@attrs.frozen(kw_only=True)
class _AskingOptions(DeployerOptions):
    """How an endpoint is asked."""

    concurrency: int = option(8, help="requests at a time", affects_results=False, validator=_at_least_one)
    read_timeout: float = option(
        70.0,
        help="seconds to wait for one answer, or for its next part; SageMaker itself ends a whole one at 60",
        affects_results=False,
        validator=_positive,
    )
    streaming: bool = option(
        False,
        help="take answers token by token, and record the time to the first; the container must stream",
        affects_results=False,
    )


@attrs.frozen(kw_only=True)
class SageMakerEndpointOptions(_AskingOptions):
    """A real-time endpoint for a JumpStart model, base or fine-tuned. What is None is as the model's metadata has it."""

    instance_type: str | None = option(None, help="such as 'ml.g5.2xlarge'", affects_results=False)
    instance_count: int = option(1, help="instances", affects_results=False, validator=_at_least_one)
    model_data_download_timeout: int | None = option(
        None,
        help="seconds in which SageMaker must have brought the weights to an instance",
        affects_results=False,
        validator=_start_up,
    )
    container_startup_health_check_timeout: int | None = option(
        None,
        help="seconds in which the container must have loaded the weights and answer SageMaker's ping",
        affects_results=False,
        validator=_start_up,
    )
    environment: Mapping[str, str] = option(factory=dict, help="variables on top of the container's")
    keep_endpoint: bool = option(
        False,
        help="leave it when its step has succeeded: it costs until llmops gc --run ID --force",
        affects_results=False,
    )
    start_timeout: float = option(
        3600.0,
        help="seconds that we wait until it is in service, all of its start together",
        affects_results=False,
        validator=_positive,
    )
    delete_timeout: float = option(
        900.0,
        help="seconds to wait until an endpoint that is still being created can be deleted",
        affects_results=False,
        validator=validators.ge(0),
    )
    poll_seconds: float = option(
        15.0, help="seconds between two looks at it", affects_results=False, validator=_positive
    )

    def check_online(self, base: BaseModel, settings: Mapping[str, Mapping[str, Any]]) -> None:
        """Check the model where JumpStart can be reached.

        Raises:
            UserError: It cannot be served.
        """
        check_serving(base, settings)

    def preflight(self, base: BaseModel, settings: Mapping[str, Mapping[str, Any]]) -> Iterator[Check]:
        """Yield what must hold before an endpoint is made: role, bucket, quota."""
        from llmops_plugins.sagemaker.preflight import Guards

        guards = Guards(settings)
        yield from guards.account()
        yield guards.endpoint_quota(base, self.instance_type or "", self.instance_count)


@attrs.frozen(kw_only=True)
class ExistingEndpointOptions(_AskingOptions):
    """An endpoint that is there already. It is asked, and never changed or deleted."""

    custom_attributes: str = option(
        "", help="sent with every request, such as 'accept_eula=true' for Llama 2 of JumpStart's versions 2.*"
    )
    inference_component: str = option("", help="the inference component to ask, where the endpoint has several")


@attrs.frozen(kw_only=True)
class ExistingEndpointModelOptions(ModelOptions):
    """Whatever a SageMaker endpoint serves."""

    endpoint: str = option(help="the endpoint's name", validator=_endpoint_name)

    def base_model(self) -> BaseModel:
        """Return what stands for the weights."""
        return BaseModel(format=ENDPOINT_BY_NAME, source=self.endpoint)
