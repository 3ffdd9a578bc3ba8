"""What the fmeval plugin offers. Nothing heavy is imported here."""

from __future__ import annotations

from llmops_plugins.fmeval.cards import CARDS
from llmops_sdk.plugin import Asset, Check, EvaluatorCard, hookimpl


@hookimpl
def llmops_cards() -> tuple[EvaluatorCard, ...]:
    """Return the evaluators: FMEval's algorithms."""
    return CARDS


@hookimpl
def llmops_assets() -> tuple[Asset, ...]:
    """Return the checkpoint that judges toxicity."""
    from llmops_plugins.fmeval.detoxify import detoxify_asset

    return (detoxify_asset(),)


@hookimpl
def llmops_checks() -> tuple[Check, ...]:
    """Return what `llmops doctor` should look at."""
    from llmops_plugins.fmeval.checks import checks

    return checks()
