"""The checks of a JumpStart model."""

from __future__ import annotations

import pytest

pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.jumpstart.check import default_instance
from llmops_sdk import SpecError
from llmops_sdk.plugin import BaseModel
from llmops_sdk.plugin.registry import Registry

from ..fixtures import MODEL_ID, Edit
from .pipelines import pipeline

pytestmark = pytest.mark.usefixtures("jumpstart")


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


def test_the_default_instance_is_that_of_the_metadata(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is empty if the metadata cannot be read."""
    base = BaseModel("jumpstart", MODEL_ID, "4.*")
    assert "ml.g5.12xlarge" == default_instance(aws, base, "training")
    assert "ml.g5.2xlarge" == default_instance(aws, base, "hosting")

    monkeypatch.delenv("AWS_JUMPSTART_MANIFEST_LOCAL_ROOT_DIR_OVERRIDE")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert "" == default_instance(Aws(aws.settings), base, "hosting")
