"""The options of SageMaker endpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from attrs import validators

from llmops_plugins.sagemaker.endpoint.environment import check_environment
from llmops_plugins.sagemaker.jumpstart.options import CAPACITY_ATTEMPTS, QUOTA_TIMEOUT, check_serving
from llmops_plugins.sagemaker.names import ENDPOINT_BY_NAME
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk.plugin import (
    BaseModel,
    Billing,
    Check,
    DeployerOptions,
    ModelOptions,
    Price,
    TrainerOptions,
    extra_fields,
    option,
)

_positive = validators.gt(0)
_positive_or_none = validators.optional(_positive)
_at_least_one = validators.ge(1)
_SHORTEST, _LONGEST = 60, 3600
"""The bounds of SageMaker's timeouts for the start of an instance, in seconds."""

_extra_body = extra_fields(("inputs", "messages", "stream"), "the prompt and the option 'streaming' set it")
_custom_attributes = validators.matches_re(r"[\x00-\x7f]{0,1024}")
_component_name = validators.matches_re(r"|[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_endpoint_name = validators.matches_re(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


def _start_timeout(_: object, attribute: attrs.Attribute[int | None], value: int | None) -> None:
    if value is not None and not _SHORTEST <= value <= _LONGEST:
        message = f"{attribute.name!r} must be {_SHORTEST} to {_LONGEST} seconds, not {value}"
        raise ValueError(message)


@attrs.frozen(kw_only=True)
class _RequestOptions(DeployerOptions):
    """How requests are sent to an endpoint."""

    max_concurrency: int = option(
        8, help="number of requests at the same time", affects_results=False, validator=_at_least_one
    )
    requests_per_minute: float | None = option(
        None, help="the most requests in a minute", affects_results=False, validator=_positive_or_none
    )
    tokens_per_minute: float | None = option(
        None,
        help="the most tokens in a minute, prompts and answers together",
        affects_results=False,
        validator=_positive_or_none,
    )
    read_timeout: float = option(
        70.0,
        help="seconds to wait for an answer, or for its next part; SageMaker ends answers that do not stream after 60",
        affects_results=False,
        validator=_positive,
    )
    streaming: bool = option(
        False,
        help="read answers token by token and record the time to first token; the container must support streaming",
        affects_results=False,
    )
    extra_body: Mapping[str, Any] = option(
        factory=dict,
        help="changes the payload of every request: adds or replaces fields, null leaves one out: "
        "{parameters: {details: null, top_k: 20}, model: m}",
        validator=_extra_body,
    )


@attrs.frozen(kw_only=True)
class SageMakerEndpointOptions(_RequestOptions):
    """A real-time endpoint for a JumpStart model, base or fine-tuned. None takes the value of the model's metadata."""

    instance_type: str | None = option(None, help="such as 'ml.g5.2xlarge'", affects_results=False)
    image_uri: str = option("", help="the container's image; default: the one that JumpStart names for the region")
    instance_count: int = option(1, help="number of instances", affects_results=False, validator=_at_least_one)
    model_data_download_timeout: int | None = option(
        None,
        help="seconds within which an instance must have downloaded the weights",
        affects_results=False,
        validator=_start_timeout,
    )
    container_startup_health_check_timeout: int | None = option(
        None,
        help="seconds within which the container must have loaded the weights and answer SageMaker's ping",
        affects_results=False,
        validator=_start_timeout,
    )
    environment: Mapping[str, str] = option(
        factory=dict,
        help="variables added to those of the container; env:NAME takes a variable of the process that runs the step",
        validator=check_environment,
    )
    keep_endpoint: bool = option(
        False,
        help="keep the endpoint after its step succeeded: it is billed until llmops gc --run ID --force",
        affects_results=False,
    )
    start_timeout: float = option(
        3600.0,
        help="seconds to wait until the endpoint is in service",
        affects_results=False,
        validator=_positive,
    )
    quota_timeout: float = option(
        QUOTA_TIMEOUT,
        help="seconds to wait while other endpoints use the quota of the instance type",
        affects_results=False,
        validator=validators.ge(0),
    )
    capacity_attempts: int = option(
        CAPACITY_ATTEMPTS,
        help="endpoints that are created one after another if AWS has no instance of the type",
        affects_results=False,
        validator=_at_least_one,
    )
    delete_timeout: float = option(
        900.0,
        help="seconds to wait until an endpoint that is still being created can be deleted",
        affects_results=False,
        validator=validators.ge(0),
    )
    poll_seconds: float = option(
        15.0, help="seconds between two checks of the endpoint", affects_results=False, validator=_positive
    )

    def billing(self, base: BaseModel) -> Billing:
        """Return that the hours of its instances are billed; the type that JumpStart chooses is not known here."""
        return Billing("hours", self.instance_type or "", self.instance_count)

    def online_price(self, base: BaseModel, settings: Mapping[str, Any]) -> Price | None:
        """Return what an hour of its instance costs on demand, by AWS's Price List."""
        from llmops_plugins.sagemaker.aws.prices import on_demand

        return on_demand(self.instance_type or "", "Hosting", settings)

    def check_online(self, base: BaseModel, settings: Mapping[str, Any]) -> None:
        """Check the model, if JumpStart can be reached.

        Raises:
            UserError: It cannot be served.
        """
        check_serving(base, settings)

    def preflight(self, base: BaseModel, settings: Mapping[str, Any]) -> Iterator[Check]:
        """Yield the checks of the account, the model, its image and the quota."""
        from llmops_plugins.sagemaker.endpoint.check import Served

        yield from self._checks(Served(base), settings)

    def trained_preflight(
        self, base: BaseModel, trainer: TrainerOptions, settings: Mapping[str, Any]
    ) -> Iterator[Check]:
        """Yield the checks of `preflight` for fine-tuned weights, whose configuration and instance type may be others."""
        from llmops_plugins.sagemaker.aws.account import Aws
        from llmops_plugins.sagemaker.endpoint.check import Served
        from llmops_plugins.sagemaker.jumpstart.check import training_instance

        trained_on = getattr(trainer, "instance_type", None)
        trained_on = trained_on or training_instance(Aws(SageMakerSettings.from_mapping(settings)), base)
        yield from self._checks(Served(base, trained_on), settings)

    def _checks(self, served: Any, settings: Mapping[str, Any]) -> Iterator[Check]:
        from llmops_plugins.sagemaker.aws.preflight import Preflight
        from llmops_plugins.sagemaker.endpoint.check import serving_checks, serving_instance

        preflight = Preflight(SageMakerSettings.from_mapping(settings))
        yield from preflight.account()
        instance = self.instance_type or serving_instance(preflight.aws, served)
        yield from serving_checks(preflight.aws, served, instance, self.image_uri)
        yield preflight.endpoint_quota(instance, self.instance_count)


@attrs.frozen(kw_only=True)
class ExistingEndpointOptions(_RequestOptions):
    """An existing endpoint. It is never changed or deleted."""

    custom_attributes: str = option(
        "",
        help="sent with every request, such as 'accept_eula=true' for JumpStart's Llama 2 in versions 2.*",
        validator=_custom_attributes,
    )
    inference_component: str = option(
        "", help="the inference component, if the endpoint has several", validator=_component_name
    )

    def preflight(self, base: BaseModel, settings: Mapping[str, Any]) -> Iterator[Check]:
        """Yield the check that the endpoint and its component are in service."""
        from llmops_plugins.sagemaker.aws.account import Aws
        from llmops_plugins.sagemaker.endpoint.existing import existing_check

        yield existing_check(Aws(SageMakerSettings.from_mapping(settings)), base.source, self.inference_component)


@attrs.frozen(kw_only=True)
class ExistingEndpointModelOptions(ModelOptions):
    """The model that an existing SageMaker endpoint serves."""

    endpoint: str = option(help="name of the endpoint", validator=_endpoint_name)

    def base_model(self) -> BaseModel:
        """Return the name of the endpoint in place of base weights."""
        return BaseModel(format=ENDPOINT_BY_NAME, source=self.endpoint)

    def usual_name(self) -> str:
        """Return the name of the endpoint."""
        return self.endpoint
