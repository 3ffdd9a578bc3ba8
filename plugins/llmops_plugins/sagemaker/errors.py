"""Turns errors of boto3 into errors of this project, in one line that says how to fix them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions

from llmops_sdk.plugin import EndpointError, LLMOpsError, UserError

EXPIRED = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired", "ExpiredTokenFault"}
)
UNKNOWN = frozenset(
    {
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "AuthFailure",
    }
)
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "NotAuthorized"})
THROTTLED = frozenset({
    "Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded",
    "SlowDown", "RequestThrottled", "RequestThrottledException",
})  # fmt: skip

NO_CREDENTIALS = (
    "there are no AWS credentials: run 'aws configure' or 'aws sso login', or set a profile with"
    " with_settings('sagemaker', profile=...)"
)
THEN_RESUME = ", then resume with llmops run --resume"
"""How a message ends when a run can be resumed after the user has waited or fixed something."""

_LONGEST_TEXT = 500
"""Characters of AWS's own message that are shown: a proxy may answer with a page of HTML."""

_NOT_SIGNED_IN = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.NoAuthTokenError,
)
_SIGN_IN_AGAIN = (exceptions.SSOTokenLoadError, exceptions.UnauthorizedSSOTokenError, exceptions.TokenRetrievalError)
_NOT_REACHED = (exceptions.ConnectionError, exceptions.HTTPClientError)


@contextmanager
def translated_errors(subject: str) -> Iterator[None]:
    """Turn the errors that boto3 raises in the block into errors of this project.

    Args:
        subject: What the block works on, the start of the message: `training job 'x'`.

    Raises:
        UserError: Credentials, region or permissions, which the user can fix.
        EndpointError: AWS refused the request for another reason, or could not be reached.
    """
    try:
        yield
    except (exceptions.BotoCoreError, exceptions.ClientError) as exc:
        raise translate(exc, subject) from exc


def error_code(error: BaseException) -> str:
    """Return the error code of AWS's answer, or an empty text if AWS did not answer."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, exceptions.ClientError) else ""


def error_text(error: exceptions.ClientError) -> str:
    """Return AWS's own message, in one line."""
    text = " ".join(str(error.response.get("Error", {}).get("Message", "")).split())
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}..."


def translate(error: Exception, subject: str) -> LLMOpsError:
    """Return the project's error for one of boto3's."""
    if isinstance(error, _NOT_SIGNED_IN):
        return UserError(f"{subject}: {NO_CREDENTIALS}")
    if isinstance(error, exceptions.ProfileNotFound):
        return UserError(
            f"{subject}: {str(error).lower()}: set another one with with_settings('sagemaker', profile=...)"
        )
    if isinstance(error, (exceptions.NoRegionError, exceptions.InvalidRegionError)):
        return UserError(f"{subject}: no AWS region is set: with_settings('sagemaker', region='us-east-1')")
    if isinstance(error, _SIGN_IN_AGAIN):
        return _expired(subject, f" ({error})")
    if isinstance(error, exceptions.ClientError):
        return _refused(error, subject)
    cause = "AWS cannot be reached: " if isinstance(error, _NOT_REACHED) else ""
    return EndpointError(f"{subject}: {cause}{' '.join(str(error).split())}")


def why_unchecked(error: Exception, subject: str) -> str:
    """Return why a check cannot look at something, which is no error of a run.

    Raises:
        UserError: The credentials are the reason, and nothing else would work with them either.
    """
    code = error_code(error)
    if code in EXPIRED | UNKNOWN:
        raise translate(error, subject) from error
    if code in DENIED:
        return "no permission to look at it: not checked"
    return f"cannot be looked at: not checked ({code or type(error).__name__})"


def _refused(error: exceptions.ClientError, subject: str) -> LLMOpsError:
    code, text = error_code(error), error_text(error)
    if code in EXPIRED:
        return _expired(subject)
    if code in UNKNOWN:
        return UserError(f"{subject}: AWS does not recognize the credentials: {text or code}; check profile and keys")
    if code in DENIED:
        return UserError(f"{subject}: AWS denied access: {text or code}; the user or role lacks a permission")
    if code == "ResourceLimitExceeded":
        return UserError(f"{subject}: {text}; ask for a higher quota, or take another instance type")
    if code in THROTTLED:
        return EndpointError(f"{subject}: AWS is throttling requests ({text or code}): wait{THEN_RESUME}")
    return EndpointError(f"{subject}: {text or code}")


def _expired(subject: str, detail: str = "") -> LLMOpsError:
    return UserError(
        f"{subject}: the AWS credentials have expired{detail}: renew them with 'aws sso login' or new keys{THEN_RESUME}"
    )
