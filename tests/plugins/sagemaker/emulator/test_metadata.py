"""The emulated metadata of JumpStart."""

from __future__ import annotations

import json

import pytest

from llmops_plugins.sagemaker.emulator.metadata import jumpstart_files, model_packages


@pytest.mark.parametrize(
    ("pattern", "version"), [("2.*", "2.0.0"), ("*", "1.0.0"), ("4.1.*", "4.1.0"), ("2.0.4", "2.0.4")]
)
def test_the_version_matches_the_requested_pattern(pattern: str, version: str) -> None:
    """Every pattern of a plan has a version."""
    files = jumpstart_files({"meta-x": pattern}, "eu-west-1")
    (entry,) = json.loads(files["models_manifest.json"])

    assert version == entry["version"]
    assert version == json.loads(files[entry["spec_key"]])["version"]


def test_only_gated_models_of_version_2_are_packages() -> None:
    """Meta's models are; other providers' and later versions are not."""
    packages = list(model_packages({"meta-x": "2.*", "meta-y": "4.*", "other": "2.0.0"}))

    assert ["meta-x"] == [package["ModelPackageName"] for package in packages]
