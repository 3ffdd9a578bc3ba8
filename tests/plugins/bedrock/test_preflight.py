"""What must hold before a run: credentials, a region, and a model that the account may use."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_plugins.bedrock.preflight import preflight_checks
from llmops_plugins.bedrock.settings import BedrockSettings
from llmops_sdk.planning.preflight import run_check
from llmops_sdk.plugin import Finding

from .bedrock_server import MODEL, BedrockServer, Refused

PATH, PROFILE = f"/foundation-model-availability/{MODEL}", f"us.{MODEL}"
AVAILABLE = {
    "modelId": MODEL,
    "agreementAvailability": {"status": "AVAILABLE"},
    "authorizationStatus": "AUTHORIZED",
    "entitlementAvailability": "AVAILABLE",
    "regionAvailability": "AVAILABLE",
}


def findings(model: str = MODEL) -> list[Finding]:
    """Run the checks of a model."""
    return [run_check(check) for check in preflight_checks(model, BedrockSettings())]


def test_a_model_that_can_be_used(bedrock: BedrockServer) -> None:
    """Account and model are two checks."""
    bedrock.catalogue[PATH] = AVAILABLE

    assert [
        Finding("ok", "credentials by env, region eu-west-1"),
        Finding("ok", "available in eu-west-1"),
    ] == findings()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"authorizationStatus": "NOT_AUTHORIZED"}, "the role is not authorized to use it"),
        ({"regionAvailability": "NOT_AVAILABLE"}, "it is not available in this region"),
        (
            {"entitlementAvailability": "NOT_AVAILABLE"},
            "the account has no access to it: ask for it in the console (Model access)",
        ),
        (
            {"agreementAvailability": {"status": "NOT_AVAILABLE"}},
            "its agreement has not been accepted: accept it in the console (Model access)",
        ),
    ],
)
def test_a_model_that_cannot_be_used(changes: dict[str, Any], reason: str, bedrock: BedrockServer) -> None:
    """The reason is named before anything is asked."""
    bedrock.catalogue[PATH] = {**AVAILABLE, **changes}

    assert Finding("error", f"it cannot be used in eu-west-1: {reason}") == findings()[1]


def test_a_model_that_bedrock_does_not_know(bedrock: BedrockServer) -> None:  # noqa: ARG001 - it has no model
    """A foundation model, or an inference profile."""
    hint = "check its ID: aws bedrock list-foundation-models, list-inference-profiles"
    for model in (MODEL, PROFILE):
        assert Finding("error", f"Bedrock has no model {model!r} in eu-west-1", hint) == findings(model)[1]


def test_an_inference_profile(bedrock: BedrockServer) -> None:
    """By its ID, which starts with a geography, and only while it is active."""
    profile = {"inferenceProfileName": "US Nova Lite", "status": "ACTIVE"}
    bedrock.catalogue[f"/inference-profiles/{PROFILE}"] = profile
    assert Finding("ok", "US Nova Lite, an inference profile in eu-west-1") == findings(PROFILE)[1]

    bedrock.catalogue[f"/inference-profiles/{PROFILE}"] = {**profile, "status": "INACTIVE"}
    assert Finding("error", "the inference profile is inactive", "name another one") == findings(PROFILE)[1]


def test_a_role_that_may_not_ask_is_no_error(bedrock: BedrockServer) -> None:
    """It may be allowed to ask the model nevertheless. What has no list is not checked either."""
    bedrock.catalogue[PATH] = Refused("AccessDeniedException", "no")

    assert Finding("ok", "not checked: the role may not ask Bedrock for its models") == findings()[1]
    arn = "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abcdef123456"
    assert Finding("ok", "not checked: Bedrock has no list that names it") == findings(arn)[1]


def test_a_list_that_cannot_be_reached_is_a_warning(bedrock: BedrockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A private network may reach the models only."""
    bedrock.catalogue[PATH] = Refused("ThrottlingException", "slow down")
    busy = findings()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK", "http://127.0.0.1:9")
    unreachable = findings()[1]

    assert ("warning", "warning") == (busy.status, unreachable.status)
    assert busy.text.startswith("not checked: Bedrock's list of models answered ThrottlingException")
    assert unreachable.text.startswith("not checked: Bedrock's list of models cannot be reached")


def test_no_account(no_account: None) -> None:  # noqa: ARG001 - the environment
    """Both checks say what is missing."""
    account, model = findings()

    assert ("error", "error") == (account.status, model.status)
    assert account.text.startswith("there are no AWS credentials")
    assert model.text.startswith("no AWS region is set")
