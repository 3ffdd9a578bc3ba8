"""Errors of boto3 in one line: which stop the step, which one record, and which are asked again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore import exceptions

from llmops_plugins.bedrock.errors import translate
from llmops_plugins.bedrock.transport import BedrockTransport
from llmops_sdk import EndpointError, GenerationOptions, UserError
from llmops_sdk.plugin import RequestError, TextPrompt

from .bedrock_server import BedrockServer, Refused

SUBJECT = "Bedrock model 'amazon.nova-lite-v1:0'"
NEEDS_ACCESS = "the role needs bedrock:InvokeModel, and the account access to the model (console: Model access)"
LISTS = "check its ID and the region; `aws bedrock list-foundation-models` lists what there is"
ON_DEMAND = (
    "Invocation of model ID x with on-demand throughput isn't supported. Retry with the ID of an inference profile"
)


@pytest.mark.parametrize(
    ("refused", "message", "flags"),
    [
        (
            Refused("ThrottlingException", "Too many"),
            f"{SUBJECT} answered ThrottlingException 429: Too many",
            (True, False),
        ),
        (
            Refused("ModelNotReadyException", "soon"),
            f"{SUBJECT} answered ModelNotReadyException 429: soon",
            (True, False),
        ),
        (
            Refused("ModelTimeoutException", "slow"),
            f"{SUBJECT} answered ModelTimeoutException 408: slow",
            (True, False),
        ),
        (
            Refused("InternalServerException", "oops"),
            f"{SUBJECT} answered InternalServerException 500: oops",
            (True, False),
        ),
        (
            Refused("ModelErrorException", "bad input", fields={"originalStatusCode": 400}),
            f"{SUBJECT} answered ModelErrorException 400: bad input",
            (False, False),
        ),
        (
            Refused("ModelErrorException", "crashed", fields={"originalStatusCode": 503}),
            f"{SUBJECT} answered ModelErrorException 503: crashed",
            (True, False),
        ),
        (
            Refused("ValidationException", "Input is too long"),
            f"{SUBJECT} answered ValidationException 400: Input is too long",
            (False, False),
        ),
        (
            Refused("AccessDeniedException", "You don't have access"),
            f"{SUBJECT}: access denied: You don't have access; {NEEDS_ACCESS}",
            (False, True),
        ),
        (
            Refused("ValidationException", "The provided model identifier is invalid."),
            f"{SUBJECT}: The provided model identifier is invalid.; {LISTS}",
            (False, True),
        ),
        (
            Refused("ValidationException", ON_DEMAND),
            f"{SUBJECT}: {ON_DEMAND}; name an inference profile, such as 'us.' followed by the model ID",
            (False, True),
        ),
    ],
)
def test_refusals(
    refused: Refused,
    message: str,
    flags: tuple[bool, bool],
    connect: Callable[..., BedrockTransport],
    bedrock: BedrockServer,
) -> None:
    """Whether the request may succeed later, and whether every request is refused so."""
    error = _error(refused, connect, bedrock)

    assert isinstance(error, RequestError)
    assert (message, flags) == (str(error), (error.retryable, error.refuses_all))


def test_a_parameter_that_the_model_does_not_support_is_named(
    connect: Callable[..., BedrockTransport], bedrock: BedrockServer
) -> None:
    """So that the step can show which exception to declare."""
    error = _error(Refused("ValidationException", "`temperature` is deprecated for this model."), connect, bedrock)

    assert isinstance(error, RequestError)
    assert "temperature" == error.parameter


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ExpiredTokenException", "the AWS credentials have expired: renew them, then llmops run --resume"),
        ("UnrecognizedClientException", "AWS does not recognize the credentials: no; check profile and keys"),
    ],
)
def test_refused_credentials(
    code: str, message: str, connect: Callable[..., BedrockTransport], bedrock: BedrockServer
) -> None:
    """They are the user's to fix."""
    error = _error(Refused(code, "no"), connect, bedrock)

    assert isinstance(error, UserError)
    assert message == str(error)


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (exceptions.NoCredentialsError(), UserError, "there are no AWS credentials"),
        (exceptions.ProfileNotFound(profile="x"), UserError, r"\(x\) could not be found: set another one"),
        (exceptions.NoRegionError(), UserError, "no AWS region is set"),
        (exceptions.SSOTokenLoadError(error_msg="gone"), UserError, "sign in again"),
        (exceptions.EndpointConnectionError(endpoint_url="http://x"), RequestError, "cannot be reached"),
        (exceptions.ParamValidationError(report="Unknown"), EndpointError, "a newer boto3 may accept it"),
        (exceptions.UnknownServiceError(service_name="x", known_service_names="y"), EndpointError, "Unknown service"),
    ],
)
def test_errors_of_this_machine(error: Exception, kind: type[Exception], message: str) -> None:
    """Each is one line that says how to fix it."""
    translated = translate(error, "Bedrock")

    assert isinstance(translated, kind)
    with pytest.raises(kind, match=message):
        raise translated


def _error(refused: Refused, connect: Callable[..., BedrockTransport], bedrock: BedrockServer) -> Exception:
    def answer(_: Any) -> dict[str, Any]:
        raise refused

    bedrock.answer = answer
    with pytest.raises((EndpointError, UserError)) as caught:
        connect().send(TextPrompt("Hi"), GenerationOptions())
    return caught.value
