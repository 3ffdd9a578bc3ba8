"""What must hold before a model of Bedrock is asked: credentials, a region, and access to the model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from llmops_plugins.bedrock.account import Account
from llmops_plugins.bedrock.errors import error_code, translate
from llmops_plugins.bedrock.settings import BedrockSettings
from llmops_sdk.plugin import Check, Finding, RequestError

_GEOGRAPHY = re.compile(r"(us|us-gov|eu|apac|jp|au|ca|global)\.")
_FOUNDATION = re.compile(r"(arn:aws[\w-]*:bedrock:[a-z0-9-]*::foundation-model/)?([a-z0-9-]+\.[a-zA-Z0-9.:-]+)")
_DENIED = frozenset({"AccessDeniedException", "AccessDenied"})
_MISSING = frozenset({"ResourceNotFoundException", "ValidationException"})
_NEEDED = {
    "authorizationStatus": "AUTHORIZED",
    "entitlementAvailability": "AVAILABLE",
    "regionAvailability": "AVAILABLE",
}
_SHOWN = {
    "authorizationStatus": "the role is not authorized to use it",
    "entitlementAvailability": "the account has no access to it: ask for it in the console (Model access)",
    "regionAvailability": "it is not available in this region",
}


def preflight_checks(model: str, settings: BedrockSettings) -> Iterator[Check]:
    """Yield the checks of an account, and of one model in it. They ask AWS, and change nothing."""
    account = Account(settings)
    yield Check("AWS account for Bedrock", partial(_check_account, account))
    yield Check(f"Bedrock model {model}", partial(_check_model, account, model))


def _check_account(account: Account) -> Finding:
    return Finding("ok", f"{account.credentials}, region {account.region}")


def _check_model(account: Account, model: str) -> Finding:
    """Check that Bedrock knows the model and that the account may use it, as far as the role may ask that."""
    client = account.catalogue()
    try:
        if _GEOGRAPHY.match(model) or "inference-profile/" in model:
            return _check_profile(client.get_inference_profile(inferenceProfileIdentifier=model), account.region)
        foundation = _FOUNDATION.fullmatch(model)
        if foundation is None:
            return Finding("ok", "not checked: Bedrock has no list that names it")
        return _check_availability(client.get_foundation_model_availability(modelId=foundation[2]), account.region)
    except (BotoCoreError, ClientError) as exc:
        return _problem(exc, model, account.region)


def _problem(error: Exception, model: str, region: str) -> Finding:
    """Return what an error means: the model does not exist, or it cannot be known whether it does.

    Raises:
        LLMOpsError: Credentials or region are at fault.
    """
    code = error_code(error) if isinstance(error, ClientError) else ""
    if code in _DENIED:
        return Finding("ok", "not checked: the role may not ask Bedrock for its models")
    if code in _MISSING:
        text = f"Bedrock has no model {model!r} in {region}"
        return Finding("error", text, "check its ID: aws bedrock list-foundation-models, list-inference-profiles")
    translated = translate(error, "Bedrock's list of models")
    if isinstance(translated, RequestError):  # a network may reach the models only, and not their list
        return Finding("warning", f"not checked: {translated}")
    raise translated from error


def _check_profile(profile: Mapping[str, Any], region: str) -> Finding:
    if profile["status"] != "ACTIVE":
        return Finding("error", f"the inference profile is {profile['status'].lower()}", "name another one")
    return Finding("ok", f"{profile['inferenceProfileName']}, an inference profile in {region}")


def _check_availability(availability: Mapping[str, Any], region: str) -> Finding:
    problems = [_SHOWN[name] for name, needed in _NEEDED.items() if availability.get(name) != needed]
    if availability["agreementAvailability"]["status"] == "NOT_AVAILABLE":
        problems.append("its agreement has not been accepted: accept it in the console (Model access)")
    if problems:
        return Finding("error", f"it cannot be used in {region}: {'; '.join(problems)}")
    return Finding("ok", f"available in {region}")
