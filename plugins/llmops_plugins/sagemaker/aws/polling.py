"""Looking at something on AWS until it is done. Nothing of the SageMaker SDK's own waiting is used: it swallows Ctrl-C."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # noqa: A004 - botocore's, not Python's

from llmops_plugins.sagemaker.aws.errors import THROTTLED, error_code, told

PATIENCE = 600.0
"""Seconds for which looks may fail one after another, for want of a network or because AWS throttles."""

_BETWEEN = 10.0
"""Seconds between two attempts at a request, each of which botocore has made several times."""

_SERVER_ERRORS = frozenset({"InternalFailure", "InternalServerError", "ServiceUnavailable", "500", "503"})

_T = TypeVar("_T")


def looks(look: Callable[[], _T], doing: str, seconds: float, log: logging.Logger) -> Iterator[_T]:
    """Yield what `look` returns, every so many seconds, for as long as the caller goes on.

    A look that fails in a way that passes (throttling, a lost connection) is logged and made again, for `PATIENCE`.
    Ctrl-C comes through at once, as everywhere between two requests.

    Args:
        look: Asks AWS once.
        doing: As messages begin: `training job 'x'`.
        seconds: Between two looks.
        log: Of the step.

    Raises:
        UserError: As `aws_errors.told`.
        EndpointError: As `aws_errors.told`.
    """
    failing_since: float | None = None
    while True:
        with told(doing):
            try:
                found = look()
            except (ClientError, ConnectionError, HTTPClientError) as exc:
                now = time.monotonic()
                failing_since = failing_since if failing_since is not None else now
                if not _passes(exc) or now - failing_since > PATIENCE:
                    raise
                log.warning("%s: %s; trying again", doing, " ".join(str(exc).split()))
            else:
                failing_since = None
                yield found
        time.sleep(seconds)


def sent(send: Callable[[], _T], doing: str, log: logging.Logger) -> _T:
    """Send a request that may be sent twice, again as `looks` does while AWS throttles, and return its answer."""
    return next(looks(send, doing, _BETWEEN, log))


def _passes(error: Exception) -> bool:
    return not isinstance(error, ClientError) or error_code(error) in THROTTLED | _SERVER_ERRORS


def is_missing(error: ClientError) -> bool:
    """Tell whether AWS says that something does not exist; SageMaker has no code of its own for it."""
    text = str(error.response.get("Error", {}).get("Message", "")).lower()
    return error_code(error) in ("ResourceNotFound", "ResourceNotFoundException") or (
        "not find" in text or "not found" in text or "does not exist" in text
    )
