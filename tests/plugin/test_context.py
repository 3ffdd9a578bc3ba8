"""The context of a step: what plugins read from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import PluginError
from llmops_sdk.plugin import Context


def test_only_the_two_folders_must_be_given(tmp_path: Path) -> None:
    """A context made by hand stays valid when `Context` gets a new attribute."""
    context = Context(folder=tmp_path, home=tmp_path)

    assert context.offline
    assert {} == context.settings
    with pytest.raises(PluginError, match="cannot make trainer 'lora'"):
        context.make("trainer", "lora", {})
    with pytest.raises(PluginError, match="cannot find 'wordnet'"):
        context.asset("wordnet")


def test_for_card_changes_the_settings_only(tmp_path: Path) -> None:
    """An implementation that another plugin makes gets the settings of its own plugin."""
    all_settings = {("trainer", "jumpstart"): {"region": "us-east-1"}}
    context = Context(
        folder=tmp_path, home=tmp_path, run_id="r", settings_of=lambda kind, name: all_settings.get((kind, name), {})
    )

    assert {} == context.settings
    assert {"region": "us-east-1"} == context.for_card("trainer", "jumpstart").settings
    assert {} == context.for_card("trainer", "lora").settings
    assert "r" == context.for_card("trainer", "jumpstart").run_id


def test_a_resource_name_is_stable_and_short_enough(tmp_path: Path) -> None:
    """It depends on run and step alone; long names that differ at their ends stay different."""
    short = Context(folder=tmp_path, home=tmp_path, run_id="run.1", step="train.a_b")
    long = [Context(folder=tmp_path, home=tmp_path, run_id="r", step="train." + "x" * 80 + end) for end in "ab"]

    assert "llmops-run-1-train-a-b" == short.resource_name()
    assert [20, 20] == [len(context.resource_name(20)) for context in long]
    assert 2 == len({context.resource_name() for context in long})
