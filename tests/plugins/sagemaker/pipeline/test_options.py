"""The options of the executors, and their preflight."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_plugins.sagemaker.pipeline.options import RehearsalOptions, SageMakerExecutorOptions
from llmops_sdk import SpecError
from llmops_sdk.plugin.registry import Registry

from .pipelines import echo_pipeline


def test_each_kind_of_step_has_an_instance_type(registry: Registry) -> None:
    """Kinds that a plan does not have need no instance."""
    options = SageMakerExecutorOptions(train_instance_type="ml.c5.xlarge")
    trained = echo_pipeline().build(registry)
    base = echo_pipeline(0).with_model("echo", fine_tune=False).build(registry)

    assert {
        "train": "ml.c5.xlarge",
        "generate": "ml.m5.xlarge",
        "score": "ml.m5.xlarge",
        "compare": "ml.m5.large",
    } == options.instance_types(trained)
    assert ["generate", "score", "compare"] == list(options.instance_types(base))


def test_preflight_checks_each_quota_once(registry: Registry) -> None:
    """Beside names, image, region, role and bucket."""
    pytest.importorskip("sagemaker")
    options = SageMakerExecutorOptions(keep_alive_seconds=60)
    names = [check.name for check in options.preflight(echo_pipeline().build(registry))]

    assert [
        "SageMaker pipeline",
        "image of the steps",
        "AWS account",
        "AWS region",
        "SageMaker role",
        "S3 bucket",
        "quota ml.m5.xlarge for training warm pool usage",
        "quota ml.m5.large for training warm pool usage",
        "quota ml.m5.xlarge for training job usage, all steps",
    ] == names


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("train_instance_type", "c5.large"),
        ("keep_alive_seconds", 4000),
        ("pipeline", "a_b"),
        ("pipeline", "a" * 83),
        ("max_parallel", 0),
    ],
)
def test_wrong_options_are_refused(registry: Registry, option: str, value: Any) -> None:
    """The error names the option."""
    with pytest.raises(SpecError, match=option):
        echo_pipeline(**{option: value}).build(registry)


@pytest.mark.parametrize(("name", "quota"), [("ml.g5.2xlarge", 1.0), ("ml.g5.2xlarge for endpoint usage", -1.0)])
def test_wrong_quotas_of_a_rehearsal_are_refused(name: str, quota: float) -> None:
    """They would limit nothing; the message has the names that do."""
    with pytest.raises(
        ValueError, match=f"'... for spot training job usage', each with a number from 0, not '{name}': "
    ):
        RehearsalOptions(quotas={name: quota})
    assert {"ml.p5.48xlarge for training job usage": 0} == RehearsalOptions(
        quotas={"ml.p5.48xlarge for training job usage": 0}
    ).quotas
