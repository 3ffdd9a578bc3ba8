"""The settings of the bedrock plugin, `with_settings("bedrock", ...)`: profile and region."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from llmops_sdk.plugin import from_json, option

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")


def _is_region(_settings: object, _attribute: object, value: str) -> None:
    if value and not _REGION.fullmatch(value):
        message = f"region must be a region such as 'us-east-1', not {value!r}"
        raise ValueError(message)


@attrs.frozen(kw_only=True)
class BedrockSettings:
    """Settings of the bedrock plugin. For an empty one, boto3's own chain applies."""

    profile: str = option("", help="AWS profile; default: chosen by boto3")
    region: str = option("", help="AWS region; default: of the profile, or AWS_DEFAULT_REGION", validator=_is_region)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> BedrockSettings:
        """Return the settings from their JSON form, which `build()` has checked."""
        settings: BedrockSettings = from_json(dict(values), cls)
        return settings
