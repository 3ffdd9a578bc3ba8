"""The settings of the bedrock plugin."""

from __future__ import annotations

import pytest

from llmops_plugins.bedrock.settings import BedrockSettings


def test_settings_are_made_of_a_plans_values() -> None:
    """Both may be empty."""
    assert BedrockSettings(profile="team", region="us-gov-west-1") == BedrockSettings.from_mapping(
        {"profile": "team", "region": "us-gov-west-1"}
    )
    assert BedrockSettings() == BedrockSettings.from_mapping({})


def test_a_region_has_the_form_of_one() -> None:
    """Not that of a country."""
    with pytest.raises(ValueError, match=r"region must be a region such as 'us-east-1', not 'Ireland'"):
        BedrockSettings(region="Ireland")
