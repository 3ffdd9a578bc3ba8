"""The checks of `llmops doctor` for SageMaker, on this machine only: libraries, credentials and region."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from llmops_sdk.plugin import Check, Finding, install_hint

_SUPPORTED = ((2, 253), (3, 0))
_EXTRA = "sagemaker"


def checks() -> tuple[Check, ...]:
    """Return the checks. None of them sends a request, or imports `sagemaker`, which takes two seconds."""
    return (Check("sagemaker libraries", _check_libraries), Check("AWS credentials", _check_credentials))


def _check_libraries() -> Finding:
    versions = {}
    for name in ("sagemaker", "boto3"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            return Finding(
                "warning", f"{name} is not installed, so SageMaker models are not available", install_hint(_EXTRA)
            )
    text = ", ".join(f"{name} {number}" for name, number in versions.items())
    number = tuple(int(part) for part in versions["sagemaker"].split(".")[:2])
    if not _SUPPORTED[0] <= number < _SUPPORTED[1]:
        return Finding("error", f"{text}: supported are sagemaker 2.253.1 to 2.257", install_hint(_EXTRA))
    return Finding("ok", text)


def _check_credentials() -> Finding:
    if find_spec("botocore") is None:
        return Finding("warning", "cannot be checked without boto3", install_hint(_EXTRA))
    import botocore.session
    from botocore.exceptions import BotoCoreError

    session = botocore.session.Session()
    try:
        # Credentials of an EC2 instance come over the network, which a check must not use.
        session.get_component("credential_provider").remove("iam-role")
        credentials, region = session.get_credentials(), session.get_config_variable("region")
    except BotoCoreError as exc:
        return Finding("warning", " ".join(str(exc).split()), "aws configure")
    if credentials is None:
        return Finding("warning", "none on this machine; SageMaker models need them", "aws configure")
    if not region:
        hint = "set AWS_DEFAULT_REGION, or with_settings('sagemaker', region=...)"
        return Finding("warning", f"found ({credentials.method}), but no region", hint)
    return Finding("ok", f"found ({credentials.method}), region {region}")
