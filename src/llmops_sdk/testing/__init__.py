"""A kit for tests of plugins and pipelines: small real components that need no weights, and a store in memory.

This package is itself a plugin: `registry.add("testing", llmops_sdk.testing)` offers a dataset `lines`, a prompt `bare`,
a model `echo` with the trainer `echo-trainer` and the deployer `echo-endpoint` (a real HTTP server on loopback that
answers at once), and the evaluators `echo-score` and `echo-probes`.
"""

from __future__ import annotations

from llmops_sdk.testing.context import make_context
from llmops_sdk.testing.data import Lines, PlainPrompt
from llmops_sdk.testing.deployer import EchoEndpoint
from llmops_sdk.testing.endpoint import InstantEndpoint, Refusal
from llmops_sdk.testing.evaluators import EchoProbes, EchoScore
from llmops_sdk.testing.hooks import llmops_cards, llmops_settings
from llmops_sdk.testing.options import (
    EchoEndpointOptions,
    EchoOptions,
    EchoProbesOptions,
    EchoTrainerOptions,
    LinesOptions,
    TestingSettings,
)
from llmops_sdk.testing.store import MemoryStore
from llmops_sdk.testing.trainer import EchoTrainer

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
