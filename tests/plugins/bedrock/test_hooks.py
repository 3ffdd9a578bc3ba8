"""The cards of the bedrock plugin."""

from __future__ import annotations

from llmops_sdk import Pipeline
from llmops_sdk.plugin.registry import Registry


def test_the_short_form_names_a_model(registry: Registry) -> None:
    """`bedrock/MODEL` is the model `bedrock` with that ID, and is called like it; limits stand beside it."""
    pipeline = Pipeline.builder().with_dataset("lines").with_evaluator("echo-score")

    (model,) = (
        pipeline.with_model("bedrock/amazon.nova-lite-v1:0", max_concurrency=2).build(registry, offline=True).models
    )

    assert ("amazon-nova-lite-v1-0", "amazon.nova-lite-v1:0") == (model.name, model.base.source)
    assert model.trainer is None
    assert 2 == model.deployer.options["max_concurrency"]


def test_doctor_has_the_plugins_check(registry: Registry) -> None:
    """It looks for boto3."""
    assert "boto3" in [check.name for check in registry.checks()]
