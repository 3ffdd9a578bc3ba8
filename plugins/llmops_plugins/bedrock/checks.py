"""The check of `llmops doctor` for Bedrock: its library."""

from __future__ import annotations

from importlib import metadata, util

from llmops_plugins.bedrock.names import PLUGIN
from llmops_sdk.plugin import Check, Finding, install_hint


def checks() -> tuple[Check, ...]:
    """Return the check; it sends no request."""
    return (Check("boto3", check_library),)


def check_library() -> Finding:
    """Check that models of Bedrock can be asked, without importing the library."""
    if util.find_spec("boto3") is None:
        return Finding("warning", "not installed: models of Bedrock cannot be asked", install_hint(PLUGIN))
    return Finding("ok", f"boto3 {metadata.version('boto3')}")
