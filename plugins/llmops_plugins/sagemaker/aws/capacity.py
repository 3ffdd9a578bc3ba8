"""Waiting while a quota is in use, and recognizing a lack of instances, which a new endpoint or job may not meet."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import attrs
from botocore.exceptions import ClientError

from llmops_plugins.sagemaker.errors import THEN_RESUME, error_code, error_text
from llmops_sdk.plugin import Context, EndpointError, LLMOpsError

_IN_USE = "ResourceLimitExceeded"
_NO_CAPACITY = re.compile(
    r"CapacityError|Insufficient\w*Capacity|insufficient (instance )?capacity|unable to provision requested ML compute",
    re.IGNORECASE,
)
# "The account-level service limit 'X for endpoint usage' is 1 Instances, with current utilization of 1 Instances and a
# request delta of 1 Instances."
_QUOTA = re.compile(r"\blimit\b.*?\bis (\d+)\b")
_REQUESTED = re.compile(r"\brequest delta of (\d+)\b")
_LONGEST_PAUSE = 60.0

_T = TypeVar("_T")


@attrs.frozen
class Patience:
    """How long instances are waited for.

    Attributes:
        seconds: The first pause between two attempts; each is twice as long as the one before, up to a minute.
        quota_timeout: Seconds to wait while a quota is in use.
        attempts: Endpoints or jobs that are created one after another for lack of capacity.
    """

    seconds: float
    quota_timeout: float
    attempts: int

    def pauses(self) -> Iterator[float]:
        """Yield the seconds of each pause."""
        seconds = self.seconds
        while True:
            yield seconds
            seconds = max(self.seconds, min(2 * seconds, _LONGEST_PAUSE))


def create_with_quota(create: Callable[[], _T], subject: str, context: Context, patience: Patience) -> _T:
    """Send a request that creates something, again while other jobs or endpoints use the quota.

    Ctrl-C ends the wait. A quota that is too small for the request, such as 0, is an error at once.

    Args:
        create: Sends the request, and raises this project's errors.
        subject: The start of messages: `endpoint 'x'`.
        context: The context of the step, which reports that it waits.
        patience: How long to wait.

    Raises:
        EndpointError: The quota is still in use.
        LLMOpsError: What `create` raises for other reasons.
    """
    start, is_reported = time.monotonic(), False
    for pause in patience.pauses():
        try:
            return create()
        except LLMOpsError as exc:
            if not _may_be_free_later(exc.__cause__):
                raise
            reason = error_text(exc.__cause__) if isinstance(exc.__cause__, ClientError) else str(exc)
            if time.monotonic() - start >= patience.quota_timeout:
                message = (
                    f"{subject}: after {patience.quota_timeout:g} s the quota was still in use ({reason}): increase"
                    f" 'quota_timeout', ask for a higher quota, or end what uses it{THEN_RESUME}"
                )
                raise EndpointError(message) from exc
            text = f"waiting up to {patience.quota_timeout:g} s while the quota is in use: {reason}"
            context.log.warning("%s: %s", subject, text)
            if not is_reported:
                context.progress.log(f"{context.step}: {subject}: {text}")
                is_reported = True
        time.sleep(pause)
    raise AssertionError  # `pauses` never ends


def lacks_capacity(reason: str) -> bool:
    """Return whether SageMaker's reason for a failure is that AWS had no instance of the type.

    >>> lacks_capacity("CapacityError: Unable to provision requested ML compute capacity")
    True
    """
    return bool(_NO_CAPACITY.search(reason))


def _may_be_free_later(error: BaseException | None) -> bool:
    """Return whether the same request may succeed once something else has ended."""
    if not isinstance(error, ClientError):
        return False
    code, text = error_code(error), error_text(error)
    if code != _IN_USE:
        return lacks_capacity(code)
    quota, requested = _QUOTA.search(text), _REQUESTED.search(text)
    return quota is None or int(quota[1]) >= max(1, int(requested[1]) if requested else 1)
