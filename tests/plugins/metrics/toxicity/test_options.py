"""The options of `toxicity`: what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_sdk import SpecError
from llmops_sdk.plugin.registry import Registry


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model_type": "perspective"}, "model_type is one of detoxify, toxigen, not 'perspective'"),
        ({"weights": "no/such/folder"}, "weights is not the folder of a model: 'no/such/folder' has no config.json"),
    ],
)
def test_invalid_options_are_refused(metrics_registry: Registry, options: dict[str, Any], message: str) -> None:
    """When the pipeline is built."""
    with pytest.raises(SpecError, match=message):
        metrics_registry.make("evaluator", "toxicity", options)
