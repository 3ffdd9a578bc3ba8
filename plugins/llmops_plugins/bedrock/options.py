"""The options of models of Bedrock."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import attrs
from attrs import validators

from llmops_plugins.bedrock.names import PLUGIN
from llmops_plugins.bedrock.settings import BedrockSettings
from llmops_sdk.plugin import BaseModel, Billing, Check, DeployerOptions, ModelOptions, name_of_model, option

_positive_or_none = validators.optional(validators.gt(0))
_GUARDRAIL = r"|([a-z0-9]+|arn:aws[\w-]*:bedrock:[a-z0-9-]+:\d{12}:guardrail/[a-z0-9]+):(DRAFT|[1-9]\d{0,7})"


def _is_json(_options: object, attribute: Any, value: Mapping[str, Any]) -> None:
    try:
        json.dumps(dict(value), allow_nan=False)
    except (TypeError, ValueError) as exc:
        message = f"{attribute.name} is not valid JSON: {exc}"
        raise ValueError(message) from None


@attrs.frozen(kw_only=True)
class BedrockModelOptions(ModelOptions):
    """A model of Bedrock."""

    model: str = option(
        help="its model ID ('amazon.nova-lite-v1:0'), inference profile ('us.amazon.nova-lite-v1:0'), or ARN",
        validator=validators.matches_re(r"[\w.:/-]{1,2048}"),
    )

    def base_model(self) -> BaseModel:
        """Return the model's name in place of base weights."""
        return BaseModel(format=PLUGIN, source=self.model)

    def usual_name(self) -> str:
        """Return the model's name, without what is before it in an ARN."""
        return name_of_model(self.model)

    def has_chat_template(self, *, offline: bool) -> bool:
        """Return True: Converse takes messages, and Bedrock has each model's own format for them."""
        return True


@attrs.frozen(kw_only=True)
class BedrockOptions(DeployerOptions):
    """How the model is asked."""

    max_concurrency: int = option(
        8, help="number of requests at the same time", affects_results=False, validator=validators.ge(1)
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
    additional_fields: Mapping[str, Any] = option(
        factory=dict,
        help="fields of the model's own that Converse has no name for (additionalModelRequestFields): {top_k: 20}",
        validator=_is_json,
    )
    guardrail: str = option(
        "",
        help="a guardrail that checks prompts and answers, as ID:VERSION",
        validator=validators.matches_re(_GUARDRAIL),
    )
    read_timeout: float = option(
        300.0, help="seconds to wait for an answer", affects_results=False, validator=validators.gt(0)
    )

    def billing(self, base: BaseModel) -> Billing:
        """Return that the tokens are billed; the price of a model differs by region."""
        return Billing("tokens", base.source)

    def preflight(self, base: BaseModel, settings: Mapping[str, Any]) -> Iterable[Check]:
        """Yield the checks of credentials, region and access to the model."""
        from llmops_plugins.bedrock.preflight import preflight_checks

        yield from preflight_checks(base.source, BedrockSettings.from_mapping(settings))
