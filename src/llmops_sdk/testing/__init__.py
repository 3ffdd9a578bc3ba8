"""A kit for tests of plugins and pipelines: `check` holds a plugin to the rules, and small real components need no weights.

This package is itself a plugin: `registry.add("testing", llmops_sdk.testing)` offers a dataset `lines`, a prompt `bare`,
a model `echo` with the trainer `echo-trainer` and the deployer `echo-endpoint` (a real HTTP server on loopback that
answers at once), and the evaluators `echo-score` and `echo-probes`. Fixtures for pytest are in
`llmops_sdk.testing.pytest_plugin`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from llmops_sdk.plugin.hookspecs import hookimpl

if TYPE_CHECKING:
    from llmops_sdk.plugin.cards import Card
    from llmops_sdk.testing.checking import check as check, examine as examine
    from llmops_sdk.testing.context import make_context as make_context
    from llmops_sdk.testing.data import Lines as Lines, PlainPrompt as PlainPrompt
    from llmops_sdk.testing.deployer import EchoEndpoint as EchoEndpoint
    from llmops_sdk.testing.endpoint import InstantEndpoint as InstantEndpoint, Refusal as Refusal
    from llmops_sdk.testing.evaluators import EchoProbes as EchoProbes, EchoScore as EchoScore
    from llmops_sdk.testing.options import (
        EchoEndpointOptions as EchoEndpointOptions,
        EchoOptions as EchoOptions,
        EchoProbesOptions as EchoProbesOptions,
        EchoTrainerOptions as EchoTrainerOptions,
        LinesOptions as LinesOptions,
        TestingSettings as TestingSettings,
    )
    from llmops_sdk.testing.rules.inputs import CheckInputs as CheckInputs
    from llmops_sdk.testing.rules.report import (
        RULES as RULES,
        BrokenRulesError as BrokenRulesError,
        CardReport as CardReport,
        CheckReport as CheckReport,
        Problem as Problem,
    )
    from llmops_sdk.testing.store import MemoryStore as MemoryStore
    from llmops_sdk.testing.trainer import EchoTrainer as EchoTrainer

_HOMES = {
    "checking": ("check", "examine"),
    "context": ("make_context",),
    "data": ("Lines", "PlainPrompt"),
    "deployer": ("EchoEndpoint",),
    "endpoint": ("InstantEndpoint", "Refusal"),
    "evaluators": ("EchoProbes", "EchoScore"),
    "options": (
        "EchoEndpointOptions",
        "EchoOptions",
        "EchoProbesOptions",
        "EchoTrainerOptions",
        "LinesOptions",
        "TestingSettings",
    ),
    "rules.inputs": ("CheckInputs",),
    "rules.report": ("RULES", "BrokenRulesError", "CardReport", "CheckReport", "Problem"),
    "store": ("MemoryStore",),
    "trainer": ("EchoTrainer",),
}
_HOME_OF = {name: f"testing.{module}" for module, names in _HOMES.items() for name in names}

__all__ = sorted([*_HOME_OF, "llmops_cards", "llmops_settings"])  # noqa: PLE0605 - the test of the faces compares it with the names above


@hookimpl
def llmops_cards() -> tuple[Card, ...]:
    """Return one card of most kinds."""
    from llmops_sdk.testing.hooks import cards

    return cards()


@hookimpl
def llmops_settings() -> type:
    """Return the class of the settings."""
    from llmops_sdk.testing.options import TestingSettings

    return TestingSettings


def __getattr__(name: str) -> Any:
    """Load a public name's module at its first use (PEP 562): the fixtures for pytest must cost nothing unused."""
    if name not in _HOME_OF:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(import_module(f"llmops_sdk.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
