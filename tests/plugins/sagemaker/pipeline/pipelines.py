"""A pipeline for SageMaker that the tests of this folder share."""

from __future__ import annotations

from typing import Any

from llmops_plugins.sagemaker.pipeline.compile import Place
from llmops_sdk import Pipeline

ROLE = "arn:aws:iam::111122223333:role/llmops"
PLACE = Place("bucket", "s3://bucket/llmops/plans/hash/ab12", "s3://bucket/llmops/plans/hash/plan.json")
SETTINGS = {"role": ROLE, "bucket": "bucket", "region": "eu-west-1", "image_uri": "image:3.11"}


def echo_pipeline(models: int = 2, **executor: Any) -> Pipeline:
    """Return a pipeline in which every second model is fine-tuned."""
    pipeline = Pipeline.builder("summaries").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    pipeline = pipeline.with_settings("sagemaker", **SETTINGS).with_executor("sagemaker", **executor)
    for number in range(models):
        name = f"m{number}"
        if number % 2:
            pipeline = pipeline.with_model("echo", name=name, fine_tune=False, voice=f"quiet{number}")
        else:
            pipeline = pipeline.with_model("echo", name=name, trainer={"voice": f"quiet{number}"})
    return pipeline
