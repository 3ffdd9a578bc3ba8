"""Checks of a pipeline that need no account."""

from __future__ import annotations

from llmops_plugins.sagemaker.pipeline.checks import pipeline_checks
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk import Pipeline
from llmops_sdk.plugin import Finding
from llmops_sdk.plugin.registry import Registry

TYPES = {"generate": "ml.m5.xlarge", "score": "ml.g5.xlarge", "compare": "ml.m5.large"}


def findings(registry: Registry, models: int = 1, **settings: str) -> dict[str, Finding]:
    """Run the checks of a pipeline with a number of models that are not fine-tuned."""
    pipeline = Pipeline.builder("many").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    for number in range(models):
        pipeline = pipeline.with_model("echo", name=f"m{number}", fine_tune=False, voice=f"v{number}")
    plan = pipeline.build(registry)
    return {
        check.name: check.run() for check in pipeline_checks(plan, SageMakerSettings.from_mapping(settings), "", TYPES)
    }


def test_the_names_in_sagemaker_are_shown(registry: Registry) -> None:
    """`llmops doctor --for` prints them."""
    assert {"SageMaker pipeline": Finding("ok", "llmops-many: generate-m0, score-m0, compare")} == findings(registry)


def test_more_steps_than_sagemaker_allows_are_a_warning(registry: Registry) -> None:
    """A quota may be higher."""
    assert "ok" == findings(registry, 24)["SageMaker pipeline"].status
    finding = findings(registry, 25)["SageMaker pipeline"]

    assert "warning" == finding.status
    assert finding.text.startswith("it has 51 steps, and SageMaker allows 50 unless your quota is higher")


def test_an_address_that_is_too_long_for_an_argument_is_an_error(registry: Registry) -> None:
    """It is an argument of every container; bucket, prefix and name are its parts."""
    finding = findings(registry, bucket="b" * 63, prefix="p" * 180)["SageMaker pipeline"]

    assert ("error", True) == (finding.status, "SageMaker allows 256" in finding.text)
    assert "prefix" in finding.hint


def test_a_key_of_volumes_is_a_warning(registry: Registry) -> None:
    """Instance types are parameters of the pipeline: whoever changes one in Studio must know."""
    finding = findings(registry, kms_key="k")["key of the steps' volumes"]

    assert "warning" == finding.status
    assert "ScoreInstanceType: instances with local storage" in finding.text
    assert (
        "GenerateInstanceType, CompareInstanceType: with kms_key, SageMaker refuses a type with local" in finding.text
    )
