"""Why a request gets no completion, in the error form of each API."""

from __future__ import annotations

import logging
from typing import Any, Literal

import attrs
from starlette.responses import JSONResponse, Response

from llmops_plugins.local.engine.request import Rejection
from llmops_plugins.local.server.fields import BadRequestError
from llmops_plugins.local.server.worker import QueueFullError

_log = logging.getLogger("llmops.server")

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
        field: The field of the request that has to be changed, or None.
        code: OpenAI's name for the reason, if it has one.
    """

    status: int
    message: str
    fault: Literal["request", "model", "load"]
    field: str | None = None
    code: str | None = None


class RequestFailedError(Exception):
    """A request gets no completion."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def rejection_failure(rejection: Rejection, prefix: str = "") -> Failure:
    """Return why the engine rejected a request; the prefix names one of several."""
    by_request = rejection.fault == "request"
    return Failure(
        400 if by_request else 500,
        f"{prefix}{rejection.reason}",
        "request" if by_request else "model",
        code=rejection.code,
    )


def failure_of(exc: Exception) -> Failure:
    """Return why a request failed, from what was raised; what nobody expected is logged."""
    if isinstance(exc, RequestFailedError):
        return exc.failure
    if isinstance(exc, BadRequestError):
        return Failure(exc.status, str(exc), "request", exc.field, exc.code)
    if isinstance(exc, QueueFullError):
        return Failure(503, "too many requests are waiting: try again later", "load")
    _log.error("a request failed", exc_info=exc)
    return Failure(500, "the server failed; its log has the reason", "model")


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
    """Return OpenAI's error, with its status."""
    return JSONResponse(openai_error_body(failure), status_code=failure.status, headers=_headers(failure))


def openai_error_body(failure: Failure) -> dict[str, Any]:
    """Return OpenAI's error object, which a stream that has started contains in place of a status."""
    kind = _OPENAI_TYPES[failure.fault]
    return {"error": {"message": failure.message, "type": kind, "param": failure.field, "code": failure.code}}


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
