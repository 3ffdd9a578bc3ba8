"""The small pipeline of the kit."""

from __future__ import annotations

from pathlib import Path

import pytest

import llmops_plugins.prompts.hooks
from llmops_sdk import Progress, Registry, SpecError
from llmops_sdk.testing.small_run import FAILING, SMALL, kit_registry, run_small

from . import wrong


def test_one_of_two_models_is_right(registry: Registry, tmp_path: Path) -> None:
    """And with a third one that fails, the others still have scores."""
    models = [*SMALL["models"], FAILING]

    result = run_small({"models": models}, registry, tmp_path, Progress())

    means = {cell.candidate: cell.estimates["exact"].mean for cell in result.leaderboards[0].cells}
    assert {"loud": 1.0, "quiet": 0.0} == means
    assert ["mute"] == [failed.candidate for failed in result.failures]


def test_an_unknown_key_is_refused(registry: Registry, tmp_path: Path) -> None:
    """As in a specification file."""
    with pytest.raises(SpecError, match="the small pipeline has an unknown key 'evaluator'; did you mean 'evaluators'"):
        run_small({"evaluator": ["echo-score"]}, registry, tmp_path, Progress())


def test_a_plugin_that_is_installed_is_added_once() -> None:
    """A package's own test adds its hooks, whether the package is installed or not."""
    registry = kit_registry({"prompts": llmops_plugins.prompts.hooks, "own": wrong})

    assert [] == [plugin.name for plugin in registry.plugins if plugin.problem]
    assert {"prompts", "testing", "own"} <= {plugin.name for plugin in registry.plugins}
