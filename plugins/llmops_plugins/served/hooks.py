"""The cards of the served plugin. It imports nothing heavy."""

from __future__ import annotations

from llmops_plugins.served.names import CARD, COMMAND, GGUF, HUGGINGFACE
from llmops_plugins.served.options import ServedModelOptions, ServedOptions
from llmops_sdk.plugin import Card, DeployerCard, ModelCard, hookimpl


@hookimpl
def llmops_cards() -> tuple[Card, ...]:
    """Return the cards of models that a run serves."""
    return (
        ModelCard(
            name=CARD,
            summary="weights served on this machine by vLLM, llama.cpp or any command, for as long as the run asks",
            options=ServedModelOptions,
            deployer=CARD,
        ),
        DeployerCard(
            name=CARD,
            summary="starts a server with a command, asks it through OpenAI's API, and stops it",
            load="llmops_plugins.served.deployer:ServedEndpoint",
            options=ServedOptions,
            accepts=(HUGGINGFACE, GGUF, COMMAND),
            uses_local_device=True,
            forms={
                "served": {},
                "gguf-q8": {"preset": "llama-cpp", "gguf_type": "q8_0"},
                "gguf-q4": {"preset": "llama-cpp", "gguf_type": "q4_k_m"},
            },
        ),
    )
