"""The options of models of Bedrock."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_plugins.bedrock.options import BedrockModelOptions, BedrockOptions
from llmops_sdk import Pipeline, SpecError
from llmops_sdk.plugin import BaseModel, Billing
from llmops_sdk.plugin.registry import Registry


def test_a_model_is_named_by_its_id() -> None:
    """In the short form too."""
    assert (
        BaseModel("bedrock", "amazon.nova-lite-v1:0") == BedrockModelOptions(model="amazon.nova-lite-v1:0").base_model()
    )


def test_limits_change_no_key(registry: Registry) -> None:
    """Fields of the model and a guardrail do."""

    def key(**options: Any) -> str:
        pipeline = Pipeline.builder().with_dataset("lines").with_model("bedrock", model="a.b", deployer=options)
        return pipeline.with_evaluator("echo-score").build(registry, offline=True).models[0].deployer.key

    assert key() == key(max_concurrency=2, requests_per_minute=60, tokens_per_minute=1000, read_timeout=9)
    assert 3 == len({key(), key(additional_fields={"top_k": 1}), key(guardrail="abc:1")})


@pytest.mark.parametrize(
    "options",
    [
        {"guardrail": "abc"},
        {"max_concurrency": 0},
        {"requests_per_minute": 0},
        {"additional_fields": {"a": float("nan")}},
    ],
)
def test_options_that_cannot_be(options: dict[str, Any]) -> None:
    """They are refused when the pipeline is built."""
    with pytest.raises(ValueError):  # noqa: PT011 - attrs words most of them
        BedrockOptions(**options)


def test_a_model_has_no_trainer(registry: Registry) -> None:
    """Nothing can fine-tune it here."""
    pipeline = Pipeline.builder().with_dataset("lines").with_model("bedrock", model="a.b", fine_tune=True)

    with pytest.raises(SpecError, match="no trainer is known for model 'bedrock'"):
        pipeline.with_evaluator("echo-score").build(registry, offline=True)


def test_tokens_are_billed() -> None:
    """Without an address: a price that differs by region is for the user to give."""
    base = BedrockModelOptions(model="amazon.nova-lite-v1:0").base_model()

    assert Billing("tokens", "amazon.nova-lite-v1:0") == BedrockOptions().billing(base)
