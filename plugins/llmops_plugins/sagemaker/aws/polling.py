"""Polling AWS until something is done. The SageMaker SDK's own wait functions are not used: they swallow Ctrl-C."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # noqa: A004 - botocore's, not Python's

from llmops_plugins.sagemaker.errors import DENIED, THROTTLED, error_code, translated_errors

RETRY_SECONDS = 600.0
"""How long requests may fail one after another because the network is down or AWS is throttling."""

DENIED_SECONDS = 300.0
"""How long AWS may deny to look at what this project has created: changes of IAM take minutes to be seen everywhere."""

_RETRY_INTERVAL = 10.0
"""Seconds between two attempts at a request; botocore repeats each attempt several times."""

_NOT_YET_KNOWN = DENIED | {"UnrecognizedClientException", "InvalidClientTokenId"}
_SERVER_ERRORS = frozenset({"InternalFailure", "InternalServerError", "ServiceUnavailable", "500", "503"})

_T = TypeVar("_T")


def poll(
    request: Callable[[], _T], subject: str, seconds: float, log: logging.Logger, *, created: bool = False
) -> Iterator[_T]:
    """Send a request again and again, and yield each answer.

    A temporary failure (throttling, a lost connection) is logged and the request is sent again, for `RETRY_SECONDS`.
    Ctrl-C is not delayed.

    Args:
        request: Sends the request once.
        subject: The start of messages: `training job 'x'`.
        seconds: Between two requests.
        log: The log of the step.
        created: Whether it looks at something that exists: a denied access is then temporary too, for `DENIED_SECONDS`.

    Raises:
        UserError: See `translated_errors`.
        EndpointError: See `translated_errors`.
    """
    failing_since: float | None = None
    while True:
        with translated_errors(subject):
            try:
                answer = request()
            except (ClientError, ConnectionError, HTTPClientError) as exc:
                now = time.monotonic()
                failing_since = failing_since if failing_since is not None else now
                if now - failing_since > _retry_seconds(exc, created=created):
                    raise
                log.warning("%s: %s; trying again", subject, " ".join(str(exc).split()))
            else:
                failing_since = None
                yield answer
        time.sleep(seconds)


def send(request: Callable[[], _T], subject: str, log: logging.Logger) -> _T:
    """Send a request that may safely be repeated, retry it as `poll` does, and return its answer."""
    return next(poll(request, subject, _RETRY_INTERVAL, log))


def is_denied(error: BaseException | None) -> bool:
    """Return whether AWS denied access, and may not have done so if it had been asked a few minutes later."""
    return isinstance(error, ClientError) and error_code(error) in _NOT_YET_KNOWN


def _retry_seconds(error: Exception, *, created: bool) -> float:
    """Return how long such a failure may last; a negative number for not at all."""
    if not isinstance(error, ClientError) or error_code(error) in THROTTLED | _SERVER_ERRORS:
        return RETRY_SECONDS
    return DENIED_SECONDS if created and is_denied(error) else -1.0


def is_missing(error: ClientError) -> bool:
    """Return whether AWS reports that a resource does not exist. SageMaker has no error code of its own for this."""
    text = str(error.response.get("Error", {}).get("Message", "")).lower()
    return error_code(error) in ("ResourceNotFound", "ResourceNotFoundException") or (
        "not find" in text or "not found" in text or "does not exist" in text
    )
