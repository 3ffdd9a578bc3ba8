"""The checks of `llmops doctor` for SageMaker, on this machine only: libraries, credentials and region."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from llmops_plugins.sagemaker.sdk.installed import PARTS, problem_of
from llmops_sdk.plugin import Check, Finding, install_hint


def checks() -> tuple[Check, ...]:
    """Return the checks. None of them sends a request, or imports `sagemaker`, which takes two seconds."""
    return (Check("sagemaker libraries", _check_libraries), Check("AWS credentials", _check_credentials))


def _check_libraries() -> Finding:
    boto3, sagemaker = _version("boto3"), _version("sagemaker")
    if not boto3:
        return Finding(
            "warning", "boto3 is not installed, so SageMaker models are not available", install_hint("jumpstart")
        )
    if not sagemaker:
        text = f"boto3 {boto3}; without the SageMaker SDK, models train and deploy, and no pipeline runs on SageMaker"
        return Finding("ok", text)
    text = f"sagemaker {sagemaker}, boto3 {boto3}"
    problem = problem_of(sagemaker, {name: _version(name) for name in PARTS})
    if problem:
        return Finding("error", problem)
    return Finding("ok", text)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _check_credentials() -> Finding:
    if find_spec("botocore") is None:
        return Finding("warning", "cannot be checked without boto3", install_hint("jumpstart"))
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
