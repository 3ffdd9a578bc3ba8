"""Turns errors of boto3 into errors of this project, in one line that says how to fix them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore import exceptions

from llmops_sdk.plugin import (
    EndpointError,
    LLMOpsError,
    RequestError,
    UserError,
    is_transient,
    refused_parameter,
)

_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_UNKNOWN = frozenset(
    {"UnrecognizedClientException", "InvalidSignatureException", "InvalidClientTokenId", "IncompleteSignature"}
)
_THROTTLED = frozenset({"ThrottlingException", "TooManyRequestsException", "Throttling", "ModelNotReadyException"})
_NO_CREDENTIALS = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.NoAuthTokenError,
)
_SIGN_IN_AGAIN = (exceptions.SSOTokenLoadError, exceptions.UnauthorizedSSOTokenError, exceptions.TokenRetrievalError)
_PASSING = (exceptions.ConnectionError, exceptions.HTTPClientError, exceptions.ResponseStreamingError)
_NEEDS_PROFILE = "inference profile"
_LONGEST = 500


def error_code(error: exceptions.ClientError) -> str:
    """Return the code of AWS's answer."""
    return str(error.response.get("Error", {}).get("Code", ""))


def no_region() -> UserError:
    """Return the error that no region is set."""
    return UserError("no AWS region is set: with_settings('bedrock', region='us-east-1'), or set AWS_DEFAULT_REGION")


def no_credentials() -> UserError:
    """Return the error that there are no credentials."""
    return UserError(
        "there are no AWS credentials: run 'aws configure' or 'aws sso login', or set a profile with"
        " with_settings('bedrock', profile=...)"
    )


@contextmanager
def translated_errors(subject: str) -> Iterator[None]:
    """Turn the errors that boto3 raises in the block into errors of this project.

    Args:
        subject: What the block works on, the start of a message: `Bedrock model 'x'`.

    Raises:
        UserError: Credentials or region, which the user can fix.
        RequestError: Bedrock refused a request, or could not be reached.
        EndpointError: boto3 refused the request.
    """
    try:
        yield
    except (exceptions.BotoCoreError, exceptions.ClientError) as exc:
        raise translate(exc, subject) from exc


def translate(error: Exception, subject: str) -> LLMOpsError:
    """Return the project's error for one of boto3's."""
    if isinstance(error, exceptions.ClientError):
        return _refusal(error, subject)
    text = _in_one_line(str(error))
    if isinstance(error, _PASSING):
        return RequestError(f"{subject} cannot be reached, or the connection was lost: {text}", retryable=True)
    if isinstance(error, exceptions.ParamValidationError):
        return EndpointError(f"{subject}: boto3 refuses the request: {text}; a newer boto3 may accept it")
    return _local_problem(error) or EndpointError(f"{subject}: {text}")


def _local_problem(error: Exception) -> UserError | None:
    """Return the error for credentials, a profile or a region that is missing on this machine."""
    if isinstance(error, _NO_CREDENTIALS):
        return no_credentials()
    if isinstance(error, exceptions.ProfileNotFound):
        return UserError(f"{str(error).lower()}: set another one with with_settings('bedrock', profile=...)")
    if isinstance(error, (exceptions.NoRegionError, exceptions.InvalidRegionError)):
        return no_region()
    if isinstance(error, _SIGN_IN_AGAIN):
        return UserError(f"the AWS credentials have expired ({error}): sign in again, then llmops run --resume")
    return None


def _refusal(error: exceptions.ClientError, subject: str) -> LLMOpsError:
    """Return the error for AWS's answer: an error of this request, or of all requests."""
    code, response = error_code(error), error.response
    text = _in_one_line(str(response.get("Error", {}).get("Message", ""))) or code
    if code in _EXPIRED:
        return UserError("the AWS credentials have expired: renew them, then llmops run --resume")
    if code in _UNKNOWN:
        return UserError(f"AWS does not recognize the credentials: {text}; check profile and keys")
    metadata: Any = response.get("ResponseMetadata", {})
    status = int(metadata.get("HTTPStatusCode", 500))
    if code == "AccessDeniedException":
        hint = "the role needs bedrock:InvokeModel, and the account access to the model (console: Model access)"
        return RequestError(
            f"{subject}: access denied: {text}; {hint}", retryable=False, status=status, refuses_all=True
        )
    if code == "ResourceNotFoundException" or _is_no_model(code, text):
        hint = "check its ID and the region; `aws bedrock list-foundation-models` lists what there is"
        if _NEEDS_PROFILE in text:
            hint = "name an inference profile, such as 'us.' followed by the model ID"
        return RequestError(f"{subject}: {text}; {hint}", retryable=False, status=status, refuses_all=True)
    original = response.get("originalStatusCode")
    status_of_model = original if code == "ModelErrorException" and isinstance(original, int) else status
    retryable = code in _THROTTLED or is_transient(status_of_model, None)
    return RequestError(
        f"{subject} answered {code} {status_of_model}: {text}",
        retryable=retryable,
        retry_after=_retry_after(metadata),
        status=status,
        parameter=refused_parameter(status, {"message": text}),
    )


def _is_no_model(code: str, text: str) -> bool:
    """Return whether Bedrock says that the model cannot be asked at all: another ID, or a profile, is needed."""
    words = text.lower()
    return code == "ValidationException" and ("model identifier is invalid" in words or _NEEDS_PROFILE in words)


def _retry_after(metadata: Any) -> float | None:
    try:
        return max(0.0, float(metadata["HTTPHeaders"]["retry-after"]))
    except (KeyError, TypeError, ValueError):
        return None


def _in_one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."
