"""Instance types with local storage, for which SageMaker refuses a key of volumes."""

from __future__ import annotations

import pytest

from llmops_plugins.sagemaker.aws.instances import local_storage, without_refused_key

WITH_LOCAL_STORAGE = (
    "g4dn", "g5", "g6", "g6e", "gr6", "p3dn", "p4d", "p4de", "p5", "p5e", "p5en", "p6-b200", "p6e-gb200", "trn1", "trn1n",
    "trn2", "dl1", "c5d", "c6gd", "c6id", "m5d", "m6gd", "m6id", "m7gd", "r5d", "r6id", "r6gd", "r7gd", "i3en", "i4i", "x2idn", "z1d",
)  # fmt: skip
WITHOUT = (
    "m4", "m5", "m6g", "m6i", "m7i", "m7g", "c4", "c5", "c5n", "c6g", "c6i", "c7i", "r5", "r6i", "r7i", "t3", "t2", "p2", "p3",
    "g4", "g5g", "inf1", "inf2", "m5n", "m5a", "c6in", "r8g",
)  # fmt: skip


@pytest.mark.parametrize("family", WITH_LOCAL_STORAGE)
def test_families_with_local_storage(family: str) -> None:
    """With a `d` in their names, or as a family of their own; with and without SageMaker's `ml.`."""
    assert local_storage(f"ml.{family}.2xlarge")
    assert local_storage(f"{family}.48xlarge")


@pytest.mark.parametrize("family", WITHOUT)
def test_families_with_ebs_volumes_only(family: str) -> None:
    """Their volumes can be encrypted with the user's key."""
    assert not local_storage(f"ml.{family}.2xlarge")


@pytest.mark.parametrize("text", ["", "ml.g5", "local", "local_gpu", "ml..xlarge", "ml.m5d", "G5.2xlarge"])
def test_a_text_that_is_no_instance_type_has_no_local_storage(text: str) -> None:
    """An unknown type is SageMaker's to refuse."""
    assert not local_storage(text)


def test_the_rule_covers_that_of_the_sagemaker_sdk(jumpstart: object) -> None:  # noqa: ARG001 - the SDK looks for an account
    """Whatever the SDK treats as local storage is treated so here."""
    utils = pytest.importorskip("sagemaker.utils")
    types = [f"ml.{family}.xlarge" for family in (*WITH_LOCAL_STORAGE, *WITHOUT) if family != "g5g"]

    assert [] == [name for name in types if not utils.instance_supports_kms(name) and not local_storage(name)]


def test_the_key_is_left_out_only_for_local_storage() -> None:
    """One instance with local storage is enough for SageMaker to refuse the request."""
    config = {"KmsKeyId": "k", "Other": "o"}

    assert {"Other": "o"} == without_refused_key(config, "KmsKeyId", ["ml.m5.xlarge", "ml.g5.xlarge"])
    assert config == without_refused_key(config, "KmsKeyId", ["ml.m5.xlarge"])
