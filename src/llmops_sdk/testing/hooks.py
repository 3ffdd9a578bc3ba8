"""The cards of the testing plugin; its hooks are in the package itself."""

from __future__ import annotations

from llmops_sdk.plugin.cards import Card, DatasetCard, DeployerCard, EvaluatorCard, ModelCard, PromptCard, TrainerCard
from llmops_sdk.testing.options import (
    EchoEndpointOptions,
    EchoOptions,
    EchoProbesOptions,
    EchoTrainerOptions,
    LinesOptions,
)


def cards() -> tuple[Card, ...]:
    """Return one card of most kinds."""
    return (
        DatasetCard(
            name="lines", summary="numbered records", load="llmops_sdk.testing.data:Lines", options=LinesOptions
        ),
        PromptCard(name="bare", summary="the context alone", load="llmops_sdk.testing.data:PlainPrompt"),
        ModelCard(
            name="echo",
            summary="repeats the prompt",
            options=EchoOptions,
            trainer="echo-trainer",
            fine_tunes=True,
            deployer="echo-endpoint",
        ),
        TrainerCard(
            name="echo-trainer",
            summary="trains nothing, and leaves the name of a voice",
            load="llmops_sdk.testing.trainer:EchoTrainer",
            options=EchoTrainerOptions,
            accepts=("echo",),
            produces="echo",
        ),
        DeployerCard(
            name="echo-endpoint",
            summary="answers with the prompt",
            load="llmops_sdk.testing.deployer:EchoEndpoint",
            options=EchoEndpointOptions,
            accepts=("echo",),
            forms={
                "own": {},
                "loud": {"voice": "loud"},
                "unsteady": {"voice": "unsteady-1"},
                "broken": {"voice": "broken"},
            },
        ),
        EvaluatorCard(
            name="echo-score",
            summary="whether the output is the reference",
            load="llmops_sdk.testing.evaluators:EchoScore",
        ),
        EvaluatorCard(
            name="echo-probes",
            summary="whether the output stays the reference when a word is put before the context",
            load="llmops_sdk.testing.evaluators:EchoProbes",
            options=EchoProbesOptions,
            probes=True,
        ),
    )
