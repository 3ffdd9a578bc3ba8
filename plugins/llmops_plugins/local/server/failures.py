"""Why a request gets no completion, in the error form of each API."""

from __future__ import annotations

from typing import Any, Literal

import attrs
from starlette.responses import JSONResponse, Response

TOO_LARGE = 413
_RETRY_AFTER_SECONDS = "1"

_SAGEMAKER_TYPES = {"request": "ValidationError", "model": "ModelError", "load": "ServiceUnavailable"}
_OPENAI_TYPES = {"request": "invalid_request_error", "model": "server_error", "load": "overloaded_error"}


@attrs.frozen
class Failure:
    """Why a request gets no completion.

    Attributes:
        status: The HTTP status of the model's container.
        message: One line.
        fault: The cause: the `request`, the `model`, or the server's `load`.
    """

    status: int
    message: str
    fault: Literal["request", "model", "load"]


def container_error(failure: Failure) -> Response:
    """Return the model container's own error: its status, and why."""
    return sagemaker_error(failure.status, _SAGEMAKER_TYPES[failure.fault], failure.message, headers=_headers(failure))


def runtime_error(failure: Failure) -> Response:
    """Return SageMaker Runtime's error: a ModelError with status 424 that contains the container's status and message."""
    if failure.fault == "load":
        return container_error(failure)
    if failure.status == TOO_LARGE:
        return sagemaker_error(failure.status, "ValidationError", failure.message)
    side = "client" if failure.fault == "request" else "server"
    message = f'Received {side} error ({failure.status}) from primary with message "{failure.message}"'
    return sagemaker_error(424, "ModelError", message, original=failure)


def openai_error(failure: Failure) -> Response:
    """Return OpenAI's error object."""
    error = {"message": failure.message, "type": _OPENAI_TYPES[failure.fault], "param": None, "code": None}
    return JSONResponse({"error": error}, status_code=failure.status, headers=_headers(failure))


def sagemaker_error(
    status: int,
    kind: str,
    message: str,
    *,
    original: Failure | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """Return an error as SageMaker's clients read it.

    Args:
        status: The HTTP status.
        kind: The error's type, such as `ValidationError`.
        message: Why.
        original: The container's own failure, for a ModelError.
        headers: Further headers.
    """
    body: dict[str, Any] = {"Message": message}
    if original is not None:
        body |= {"OriginalStatusCode": original.status, "OriginalMessage": original.message}
    return JSONResponse(body, status_code=status, headers={"x-amzn-ErrorType": kind, **(headers or {})})


def _headers(failure: Failure) -> dict[str, str]:
    return {"Retry-After": _RETRY_AFTER_SECONDS} if failure.fault == "load" else {}
