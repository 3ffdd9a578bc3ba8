"""The cards of the openai plugin. It imports nothing heavy."""

from __future__ import annotations

from llmops_plugins.openai.names import CARD, FORMAT
from llmops_plugins.openai.options import OpenAIModelOptions, OpenAIOptions
from llmops_plugins.openai.providers import PROVIDERS
from llmops_sdk.plugin import Card, DeployerCard, ModelCard, hookimpl


@hookimpl
def llmops_cards() -> tuple[Card, ...]:
    """Return the cards of models behind servers with OpenAI's API."""
    return (
        ModelCard(
            name=CARD,
            summary="a model behind any server with OpenAI's API, hosted or local; short form: openai/MODEL, ollama/MODEL, ...",
            options=OpenAIModelOptions,
            deployer=CARD,
            short_forms={name: {"provider": name} for name in PROVIDERS},
        ),
        DeployerCard(
            name=CARD,
            summary="asks a model through OpenAI's API, with a key from the environment; creates nothing",
            load="llmops_plugins.openai.deployer:OpenAICompatible",
            options=OpenAIOptions,
            accepts=(FORMAT,),
        ),
    )
