"""The check of the KMS key, against moto."""

from __future__ import annotations

import boto3
import pytest

pytest.importorskip("moto")

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.keys import key_check
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk import UserError
from llmops_sdk.plugin import Finding

from ..fixtures import REGION, Cloud


def check(key: str, region: str = REGION) -> Finding:
    return key_check(Aws(SageMakerSettings(region=region, kms_key=key))).run()


@pytest.mark.usefixtures("cloud")
def test_an_enabled_key_of_the_region_passes() -> None:
    """By its ID and by its ARN."""
    metadata = boto3.client("kms").create_key()["KeyMetadata"]
    assert ["ok", "ok"] == [check(metadata[name]).status for name in ("KeyId", "Arn")]


@pytest.mark.usefixtures("cloud")
def test_a_key_that_cannot_encrypt_is_an_error() -> None:
    """A missing one, a disabled one, one for signatures."""
    kms = boto3.client("kms")
    missing = check("11111111-2222-3333-4444-555555555555")
    assert ("error", True) == (missing.status, "there is no key '11111111" in missing.text)

    disabled = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.disable_key(KeyId=disabled)
    finding = check(disabled)
    assert ("error", f"{disabled!r} is Disabled, not Enabled") == (finding.status, finding.text)
    assert finding.hint.startswith("enable it, or set another one with with_settings")

    signing = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="RSA_2048")["KeyMetadata"]["KeyId"]
    assert "is a key of type RSA_2048 for SIGN_VERIFY: volumes need a symmetric key" in check(signing).text


def test_a_key_that_may_not_be_looked_at_passes(cloud: Cloud) -> None:
    """Expired credentials are an error."""
    cloud.faults["DescribeKey"] = [
        (400, "AccessDeniedException", "no"),
        (400, "ExpiredTokenException", "old"),
    ]
    assert Finding("ok", "k: no permission to look at it: not checked") == check("k")
    with pytest.raises(UserError, match="KMS key: the AWS credentials have expired"):
        check("k")
