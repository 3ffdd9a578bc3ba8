"""The cards of the fmeval plugin."""

from __future__ import annotations

import pytest

from llmops_plugins.fmeval import hooks
from llmops_sdk.plugin.registry import Registry

NAMES = [card.name for card in hooks.llmops_cards()]


@pytest.mark.parametrize("name", NAMES)
def test_evaluators_are_made_from_their_cards(fmeval_registry: Registry, name: str) -> None:
    """With all defaults; every metric has the prefix `fmeval_`, and no two evaluators have the same one."""
    assert fmeval_registry.plugins[0].problem == ""
    own = [metric.name for metric in fmeval_registry.make("evaluator", name, {}).metrics]
    others = [m.name for other in NAMES if other != name for m in fmeval_registry.make("evaluator", other, {}).metrics]

    assert own
    assert all(metric.startswith("fmeval_") for metric in own)
    assert not set(own) & set(others)
