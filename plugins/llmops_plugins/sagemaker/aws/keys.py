"""The check of the KMS key of the settings: SageMaker and S3 can encrypt with it."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from llmops_plugins.sagemaker.aws.account import QUICK, Aws
from llmops_plugins.sagemaker.errors import error_code, why_unchecked
from llmops_sdk.plugin import Check, Finding

_HINT = "set another one with with_settings('sagemaker', kms_key=...)"
_INVALID = frozenset({"NotFoundException", "InvalidArnException"})


def key_check(aws: Aws) -> Check:
    """Return the check of the key."""
    return Check("KMS key", lambda: _check(aws))


def _check(aws: Aws) -> Finding:
    key = aws.settings.kms_key
    try:
        metadata = aws.client("kms", QUICK).describe_key(KeyId=key)["KeyMetadata"]
    except (BotoCoreError, ClientError) as exc:
        if error_code(exc) in _INVALID:
            return Finding("error", f"there is no key {key!r} in {aws.region}", _HINT)
        return Finding("ok", f"{key}: {why_unchecked(exc, 'KMS key')}")
    region = str(metadata["Arn"]).split(":")[3]
    if region != aws.region:
        return Finding("error", f"{key!r} is in {region}, but the jobs run in {aws.region}", _HINT)
    if metadata["KeyState"] != "Enabled":
        return Finding("error", f"{key!r} is {metadata['KeyState']}, not Enabled", f"enable it, or {_HINT}")
    kind = metadata.get("KeySpec", "SYMMETRIC_DEFAULT"), metadata.get("KeyUsage", "ENCRYPT_DECRYPT")
    if kind != ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"):
        return Finding(
            "error", f"{key!r} is a key of type {kind[0]} for {kind[1]}: volumes need a symmetric key", _HINT
        )
    return Finding("ok", key)
