"""What AWS refused, in one line that says how to mend it."""

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
    "there are no AWS credentials: type 'aws configure' or 'aws sso login', or name a profile with"
    " with_settings('sagemaker', profile=...)"
)
GO_ON = ", and go on with llmops run --resume"
"""How messages end that say what the user must wait for or mend in the middle of a run."""

_LONGEST_TEXT = 500
"""Characters of AWS's own words that are told: what stands between may answer with a page of HTML."""

_NOT_SIGNED_IN = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.NoAuthTokenError,
)
_SIGN_IN_AGAIN = (exceptions.SSOTokenLoadError, exceptions.UnauthorizedSSOTokenError, exceptions.TokenRetrievalError)
_NOT_REACHED = (exceptions.ConnectionError, exceptions.HTTPClientError)


@contextmanager
def told(doing: str) -> Iterator[None]:
    """Turn what boto3 raises in the block into the project's errors.

    Args:
        doing: What the block does, as the message begins: `training job 'x'`.

    Raises:
        UserError: Credentials, region or permissions that the user can mend.
        EndpointError: Anything else that AWS refused, or AWS was not reached.
    """
    try:
        yield
    except (exceptions.BotoCoreError, exceptions.ClientError) as exc:
        raise translate(exc, doing) from exc


def error_code(error: BaseException) -> str:
    """Return the code with which AWS refused, or an empty text where it was no such refusal."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, exceptions.ClientError) else ""


def error_text(error: exceptions.ClientError) -> str:
    """Return AWS's own words, in one line."""
    text = " ".join(str(error.response.get("Error", {}).get("Message", "")).split())
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}..."


def translate(error: Exception, doing: str) -> LLMOpsError:
    """Return the project's error for one of boto3's."""
    if isinstance(error, _NOT_SIGNED_IN):
        return UserError(f"{doing}: {NO_CREDENTIALS}")
    if isinstance(error, exceptions.ProfileNotFound):
        return UserError(f"{doing}: {str(error).lower()}: name another with with_settings('sagemaker', profile=...)")
    if isinstance(error, (exceptions.NoRegionError, exceptions.InvalidRegionError)):
        return UserError(f"{doing}: no AWS region is known: with_settings('sagemaker', region='us-east-1')")
    if isinstance(error, _SIGN_IN_AGAIN):
        return _expired(doing, f" ({error})")
    if isinstance(error, exceptions.ClientError):
        return _refused(error, doing)
    cause = "AWS cannot be reached: " if isinstance(error, _NOT_REACHED) else ""
    return EndpointError(f"{doing}: {cause}{' '.join(str(error).split())}")


def _refused(error: exceptions.ClientError, doing: str) -> LLMOpsError:
    code, text = error_code(error), error_text(error)
    if code in EXPIRED:
        return _expired(doing)
    if code in UNKNOWN:
        return UserError(f"{doing}: AWS does not know the credentials: {text or code}; check profile and keys")
    if code in DENIED:
        return UserError(f"{doing}: AWS does not allow it: {text or code}; the user or role lacks a permission")
    if code == "ResourceLimitExceeded":
        return UserError(f"{doing}: {text}; ask for a higher quota, or take another instance type")
    if code in THROTTLED:
        return EndpointError(f"{doing}: AWS throttles its requests ({text or code}): wait{GO_ON}")
    return EndpointError(f"{doing}: {text or code}")


def _expired(doing: str, why: str = "") -> LLMOpsError:
    return UserError(f"{doing}: the AWS credentials have expired{why}: renew them{GO_ON}")
