"""A pipeline with a JumpStart model, for the tests of this folder."""

from __future__ import annotations

from typing import Any

from llmops_sdk import Pipeline

from ..fixtures import MODEL_ID, SETTINGS

CONFIGURATIONS: dict[str, Any] = {
    "training_configs": {"t": {"component_names": [], "default_inference_config": "large"}},
    "inference_configs": {"small": {"component_names": []}, "large": {"component_names": ["large"]}},
    "inference_config_rankings": {"overall": {"rankings": ["small", "large"]}},
    "inference_config_components": {"large": {"default_inference_instance_type": "ml.g5.12xlarge"}},
}
"""A specification whose fine-tuned weights are served with another configuration than the base weights."""


def pipeline(use: str = "jumpstart", **model: Any) -> Pipeline:
    """Return a pipeline that fine-tunes one model."""
    named = {"model_id": MODEL_ID, "version": "4.0.0", "accept_eula": True} if use == "jumpstart" else {}
    return (
        Pipeline.builder()
        .with_dataset("sample")
        .with_evaluator("echo-score")
        .with_settings("sagemaker", **SETTINGS)
        .with_model(use, **{"fine_tune": True, **named, **model})
    )


def tuned(**hyperparameters: Any) -> Pipeline:
    return pipeline(trainer={"hyperparameters": hyperparameters})
