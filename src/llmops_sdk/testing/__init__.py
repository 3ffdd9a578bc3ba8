"""A kit for tests of plugins and pipelines: quick real parts that need no weights, and a store in memory.

This package is itself a plugin: `registry.add("testing", llmops_sdk.testing)` offers a dataset `lines`, a model `echo`
with the trainer `echo-trainer` and the deployer `echo-endpoint` (a real HTTP server on loopback that answers at once),
and the evaluators `echo-score` and `echo-probes`.
"""

from __future__ import annotations

from llmops_sdk.testing.echo import (
    EchoEndpoint,
    EchoEndpointOptions,
    EchoOptions,
    EchoProbes,
    EchoProbesOptions,
    EchoScore,
    EchoTrainer,
    EchoTrainerOptions,
    Lines,
    LinesOptions,
    PlainPrompt,
    TestingSettings,
    llmops_cards,
    llmops_settings,
)
from llmops_sdk.testing.kit import InstantEndpoint, MemoryStore, Refusal, make_context

__all__ = [
    "EchoEndpoint",
    "EchoEndpointOptions",
    "EchoOptions",
    "EchoProbes",
    "EchoProbesOptions",
    "EchoScore",
    "EchoTrainer",
    "EchoTrainerOptions",
    "InstantEndpoint",
    "Lines",
    "LinesOptions",
    "MemoryStore",
    "PlainPrompt",
    "Refusal",
    "TestingSettings",
    "llmops_cards",
    "llmops_settings",
    "make_context",
]
