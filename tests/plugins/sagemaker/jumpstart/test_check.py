"""The checks of a JumpStart model."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.jumpstart.check import training_checks, training_instance
from llmops_plugins.sagemaker.names import ACCEPT_EULA
from llmops_sdk import SpecError
from llmops_sdk.planning.preflight import run_check
from llmops_sdk.plugin import BaseModel, Finding
from llmops_sdk.plugin.registry import Registry

from ..fixtures import MODEL_ID, Edit
from .pipelines import pipeline

pytestmark = pytest.mark.usefixtures("jumpstart")

BASE = BaseModel("jumpstart", MODEL_ID, "4.*", parameters={ACCEPT_EULA: "true"})


def test_models_that_cannot_be_trained_or_are_too_new(jumpstart: Edit, registry: Registry) -> None:
    """One without training, one without instruction tuning, and one that needs a newer SDK."""
    jumpstart("5.0.0", training_supported=False)
    jumpstart("6.0.0", hyperparameters=[])
    jumpstart("7.0.0", min_version="2.999.0")

    with pytest.raises(SpecError, match=r"cannot fine-tune '.*' 5\.0\.0: set fine_tune=False"):
        pipeline(version="5.*").build(registry)
    pipeline(version="5.*", fine_tune=False).build(registry)
    with pytest.raises(SpecError, match=r"6\.0\.0 does not support instruction tuning"):
        pipeline(version="6.*").build(registry)
    with pytest.raises(
        SpecError, match=r"for SageMaker SDK 2\.999\.0 and newer, and the requests made here are those of 2\.257"
    ):
        pipeline(version="7.*").build(registry)
    with pytest.raises(
        SpecError, match=r"6\.0\.0 does not support instruction tuning"
    ):  # the newest that this SDK can use
        pipeline(version="*").build(registry)


def test_the_instance_of_training_is_that_of_the_specification(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is empty if the specification cannot be read or there is none, which another check reports."""
    assert "ml.g5.12xlarge" == training_instance(aws, BASE)
    assert "" == training_instance(aws, attrs.evolve(BASE, source="nothing"))

    monkeypatch.delenv("AWS_JUMPSTART_MANIFEST_LOCAL_ROOT_DIR_OVERRIDE")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert "" == training_instance(Aws(aws.settings), BASE)


def found(aws: Aws, *, image_uri: str = "", instance_type: str = "", **base: Any) -> Finding:
    model = attrs.evolve(BASE, **base)
    (check, *_) = training_checks(aws, model, {"epoch": "1"}, instance_type, image_uri)
    assert check.name.startswith(f"training of JumpStart's {MODEL_ID} {model.version}")
    return run_check(check)


def test_a_request_can_be_made_of_the_specification(aws: Aws, jumpstart: Edit) -> None:
    """Otherwise the check names what is missing and what the specification has, or the option to set."""
    assert Finding("ok", "4.0.0, its licence is accepted, in us-east-1") == found(aws)
    assert "names no image for training on 'ml.c5.large'" in found(aws, instance_type="ml.c5.large").text
    assert "ok" == found(aws, instance_type="ml.c5.large", image_uri="registry/image:1").status
    jumpstart("5.0.0", training_script_key=None, training_prepacked_script_key=None)
    unknown = found(aws, version="5.*")
    assert "lacks training_script_key for training, so its form is not known here; it has: " in unknown.text
    assert "error" == unknown.status
    jumpstart("6.0.0", training_model_package_artifact_uris={"eu-west-1": "s3://weights"})
    assert "cannot be trained in us-east-1: it has weights in eu-west-1" in found(aws, version="6.*").text


def test_a_licence_that_is_not_accepted_is_an_error(aws: Aws) -> None:
    """It names the option."""
    finding = found(aws, parameters={})
    assert "error" == finding.status
    assert "is gated: read its licence, and set accept_eula=True if you accept it" in finding.text


def test_a_missing_region_is_an_error(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as in the checks of the account, so that a run names it once."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")

    finding = found(Aws(attrs.evolve(aws.settings, region="")))

    assert "error" == finding.status
    assert finding.text.startswith("no AWS region is set")


def test_an_unreachable_specification_is_a_warning(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step reads it again."""
    monkeypatch.delenv("AWS_JUMPSTART_MANIFEST_LOCAL_ROOT_DIR_OVERRIDE")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    finding = found(Aws(aws.settings))
    assert "warning" == finding.status
    assert finding.text.startswith("not checked: JumpStart's file 'models_manifest.json'")
