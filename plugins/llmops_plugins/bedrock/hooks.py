"""The cards of the bedrock plugin. It imports nothing heavy."""

from __future__ import annotations

from llmops_plugins.bedrock.names import PLUGIN
from llmops_plugins.bedrock.options import BedrockModelOptions, BedrockOptions
from llmops_plugins.bedrock.settings import BedrockSettings
from llmops_sdk.plugin import Card, Check, DeployerCard, ModelCard, hookimpl


@hookimpl
def llmops_cards() -> tuple[Card, ...]:
    """Return the cards of Bedrock."""
    return (
        ModelCard(
            name="bedrock",
            summary="a model of Amazon Bedrock, by its ID, inference profile or ARN",
            options=BedrockModelOptions,
            deployer="bedrock",
            short_forms={"bedrock": {}},
        ),
        DeployerCard(
            name="bedrock",
            summary="asks a model through Bedrock's Converse API; creates nothing",
            load="llmops_plugins.bedrock.deployer:Bedrock",
            options=BedrockOptions,
            extra=PLUGIN,
            requires=("boto3",),
            accepts=(PLUGIN,),
        ),
    )


@hookimpl
def llmops_settings() -> type:
    """Return the class of the settings."""
    return BedrockSettings


@hookimpl
def llmops_checks() -> tuple[Check, ...]:
    """Return the checks of `llmops doctor`."""
    from llmops_plugins.bedrock.checks import checks

    return checks()
