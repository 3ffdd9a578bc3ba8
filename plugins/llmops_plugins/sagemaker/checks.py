"""What `llmops doctor` looks at for SageMaker, on this machine alone: libraries, credentials and region."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from llmops_sdk.plugin import Check, Finding

_SUPPORTED = ((2, 253), (3, 0))
_EXTRA = "pip install 'llmops-sdk[sagemaker]'"


def checks() -> tuple[Check, ...]:
    """Return the checks; none of them asks AWS, or imports `sagemaker`, which takes two seconds."""
    return (Check("sagemaker libraries", _look_at_libraries), Check("AWS credentials", _look_at_credentials))


def _look_at_libraries() -> Finding:
    found = {}
    for name in ("sagemaker", "boto3"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            return Finding("warning", f"not installed: {name}; without it there are no SageMaker models", _EXTRA)
    text = ", ".join(f"{name} {number}" for name, number in found.items())
    number = tuple(int(part) for part in found["sagemaker"].split(".")[:2])
    if not _SUPPORTED[0] <= number < _SUPPORTED[1]:
        return Finding("error", f"{text}: sagemaker 2.253.1 to 2.257 is supported", _EXTRA)
    return Finding("ok", text)


def _look_at_credentials() -> Finding:
    if find_spec("botocore") is None:
        return Finding("warning", "not known without boto3", _EXTRA)
    import botocore.session
    from botocore.exceptions import BotoCoreError

    session = botocore.session.Session()
    try:
        # The instance's own credentials are asked over the network, which a check does not touch.
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
