"""The emulated metadata of JumpStart: the fields that the SageMaker SDK needs, with invented values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from llmops_plugins.sagemaker.emulator.choices import ACCOUNT

GATED = "meta-"
"""The prefix of the IDs of models whose licence must be accepted."""

_NOBODY = "0" * 12
"""The account of images, which do not exist."""


def is_model_package(model_id: str, version: str) -> bool:
    """Return whether a model is a package of its provider, as Meta's were in versions 2: its container checks the licence."""
    return model_id.startswith(GATED) and version.startswith("2.")


def package_arn(model_id: str, region: str) -> str:
    """Return the ARN of an emulated model package."""
    return f"arn:aws:sagemaker:{region}:{ACCOUNT}:model-package/{model_id}"


def model_packages(models: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the requests that create the model packages of JumpStart IDs."""
    for model_id, pattern in models.items():
        if is_model_package(model_id, _version(pattern)):
            container = {"Image": "rehearsal-inference:1", "ProductId": "rehearsal"}
            yield {"ModelPackageName": model_id, "InferenceSpecification": {"Containers": [container]}}


def jumpstart_files(models: Mapping[str, str], region: str) -> Mapping[str, bytes]:
    """Return the files of JumpStart's bucket: the list of models, and a minimal specification of each.

    Args:
        models: JumpStart IDs to the versions that a plan requests.
        region: The region of the images.
    """
    files: dict[str, bytes] = {}
    manifest = []
    for model_id, pattern in models.items():
        version = _version(pattern)
        key = f"community_models/{model_id}/specs_v{version}.json"
        entry = {"model_id": model_id, "version": version, "min_version": "2.0.0", "spec_key": key}
        manifest.append({**entry, "search_keywords": []})
        files[key] = json.dumps(_specification(model_id, version, region)).encode()
    return {"models_manifest.json": json.dumps(manifest).encode(), **files}


def _version(pattern: str) -> str:
    """Return an exact version that a pattern matches."""
    if pattern == "*":
        return "1.0.0"
    return ".".join((*pattern.replace("*", "").strip(".").split("."), "0", "0", "0")[:3])


def _specification(model_id: str, version: str, region: str) -> dict[str, Any]:
    """Return the fields that the SageMaker SDK needs to train and serve a model; all values are invented."""
    registry = f"{_NOBODY}.dkr.ecr.{region}.amazonaws.com"
    package: dict[str, Any] = {
        "hosting_model_package_arns": {region: package_arn(model_id, region)},
        "training_model_package_artifact_uris": {region: f"s3://jumpstart-cache-prod-{region}/rehearsal/{model_id}"},
    }
    return {
        "model_id": model_id,
        "version": version,
        "gated_bucket": model_id.startswith(GATED),
        "training_supported": True,
        "training_enable_network_isolation": True,
        "hyperparameters": list(_hyperparameters()),
        "training_artifact_key": f"rehearsal/{model_id}/train.tar.gz",
        "training_script_key": f"rehearsal/{model_id}/train/sourcedir.tar.gz",
        "default_training_instance_type": "ml.g5.12xlarge",
        "supported_training_instance_types": ["ml.g5.12xlarge", "ml.g5.24xlarge", "ml.g5.48xlarge"],
        "training_instance_type_variants": _images(f"{registry}/rehearsal-training:1", region),
        "hosting_artifact_key": f"rehearsal/{model_id}/model.tar.gz",
        "hosting_use_script_uri": False,
        "inference_enable_network_isolation": True,
        "default_inference_instance_type": "ml.g5.2xlarge",
        "supported_inference_instance_types": ["ml.g5.2xlarge", "ml.g5.12xlarge"],
        "hosting_instance_type_variants": _images(f"{registry}/rehearsal-inference:1", region),
        "predictor_specs": {
            "supported_content_types": ["application/json"],
            "supported_accept_types": ["application/json"],
            "default_content_type": "application/json",
            "default_accept_type": "application/json",
        },
        **(package if is_model_package(model_id, version) else {}),
    }


def _images(image: str, region: str) -> dict[str, Any]:
    families = ("g4dn", "g5", "g6", "p3", "p4d", "p5")
    return {
        "regional_aliases": {region: {"gpu": image}},
        "variants": {family: {"regional_properties": {"image_uri": "$gpu"}} for family in families},
    }


def _hyperparameters() -> Iterator[dict[str, Any]]:
    """Yield the hyperparameters that JumpStart's text generation models have in common, with wide ranges."""
    for name, default in (
        ("instruction_tuned", "False"),
        ("chat_dataset", "False"),
        ("int8_quantization", "False"),
        ("enable_fsdp", "True"),
    ):
        yield {"name": name, "type": "text", "default": default, "scope": "algorithm", "options": ["True", "False"]}
    integers = {
        "epoch": 5, "max_input_length": -1, "per_device_train_batch_size": 4, "per_device_eval_batch_size": 1,
        "max_train_samples": -1, "max_val_samples": -1, "lora_r": 8, "lora_alpha": 32, "seed": 10,
    }  # fmt: skip
    for name, count in integers.items():
        yield {"name": name, "type": "int", "default": count, "scope": "algorithm", "min": -1, "max": 1_000_000}
    for name, value in {"learning_rate": 0.0001, "lora_dropout": 0.05, "validation_split_ratio": 0.2}.items():
        yield {"name": name, "type": "float", "default": value, "scope": "algorithm", "min": 0, "max": 1}
    code = {"sagemaker_submit_directory": "/opt/ml/input/data/code/sourcedir.tar.gz", "sagemaker_program": "train.py"}
    for name, text in code.items():
        yield {"name": name, "type": "text", "default": text, "scope": "container"}
