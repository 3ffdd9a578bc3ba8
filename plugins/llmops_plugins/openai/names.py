"""Names that several modules of the plugin use."""

from __future__ import annotations

CARD = "openai-compatible"
FORMAT = "openai"
"""The format of its models: names on a server in place of weights."""
