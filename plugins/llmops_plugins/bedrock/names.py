"""Names that the cards and modules of this plugin share."""

from __future__ import annotations

PLUGIN = "bedrock"
"""The plugin, its extra, its model and deployer, and the format of its base models: the ID or ARN of a model."""
