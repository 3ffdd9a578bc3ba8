"""Waiting for a quota that is in use, and the errors that mean that AWS has no instances."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest

pytest.importorskip("botocore")

from botocore.exceptions import ClientError

from llmops_plugins.sagemaker.aws.capacity import Patience, create_with_quota, lacks_capacity
from llmops_plugins.sagemaker.errors import translated_errors
from llmops_sdk import EndpointError, Progress, UserError
from llmops_sdk.plugin import Context

from ..fixtures import interrupt

IN_USE = (
    "The account-level service limit 'ml.g5.2xlarge for endpoint usage' is 2 Instances, with current utilization of 2"
    " Instances and a request delta of 1 Instances. Please use AWS Service Quotas to request an increase for this quota."
)
PATIENCE = Patience(0.001, 60.0, 3)


class Lines(Progress):
    """Keeps the logged lines."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(name="context")
def _context(make_context: Callable[..., Context]) -> Context:
    return make_context(step="generate.llama", progress=Lines())


def refusing(*errors: tuple[str, str], then: Callable[[], Any] = lambda: "created") -> Callable[[], Any]:
    """Return a request that is refused with these codes and messages in turn, and then succeeds."""
    remaining = list(errors)

    def create() -> Any:
        with translated_errors("endpoint 'x'"):
            if remaining:
                code, message = remaining.pop(0)
                raise ClientError({"Error": {"Code": code, "Message": message}}, "CreateEndpoint")
        return then()

    return create


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ResourceLimitExceeded", IN_USE),
        ("ResourceLimitExceeded", "too many endpoints"),
        ("InsufficientInstanceCapacity", "none"),
    ],
)
def test_a_quota_in_use_is_waited_for(code: str, message: str, context: Context) -> None:
    """The wait is reported once in the progress, with AWS's own numbers."""
    assert "created" == create_with_quota(refusing(*[(code, message)] * 4), "endpoint 'x'", context, PATIENCE)

    assert isinstance(context.progress, Lines)
    assert [
        f"generate.llama: endpoint 'x': waiting up to 60 s while the quota is in use: {message}"
    ] == context.progress.lines


@pytest.mark.parametrize(
    "message",
    [
        IN_USE.replace("2 Instances", "0 Instances"),
        IN_USE.replace("delta of 1", "delta of 3"),
        "The limit for ml.g5.12xlarge is 0 Instances",
    ],
)
def test_a_quota_that_is_too_small_is_an_error_at_once(message: str, context: Context) -> None:
    """Waiting cannot help."""
    with pytest.raises(UserError, match="ask for a higher quota, or take another instance type"):
        create_with_quota(refusing(("ResourceLimitExceeded", message)), "endpoint 'x'", context, PATIENCE)


def test_the_wait_is_bounded(context: Context) -> None:
    """The error names the option, and how to continue."""
    with pytest.raises(EndpointError, match=r"after 0 s the quota was still in use .*'quota_timeout'.*--resume"):
        create_with_quota(refusing(("ResourceLimitExceeded", IN_USE)), "endpoint 'x'", context, Patience(0.001, 0.0, 3))


def test_ctrl_c_ends_the_wait(context: Context) -> None:
    """At once, not after the pause."""
    start = time.monotonic()

    def refused_and_interrupted() -> None:
        interrupt()
        refusing(("ResourceLimitExceeded", IN_USE))()

    with pytest.raises(KeyboardInterrupt):
        create_with_quota(refused_and_interrupted, "endpoint 'x'", context, Patience(60.0, 600.0, 3))

    assert time.monotonic() - start < 30


def test_pauses_grow_to_a_minute_or_the_time_between_two_looks() -> None:
    """An account is not asked every second for hours."""
    assert [15.0, 30.0, 60.0, 60.0] == list(islice(Patience(15.0, 1.0, 1).pauses(), 4))
    assert [90.0, 90.0] == list(islice(Patience(90.0, 1.0, 1).pauses(), 2))


@pytest.mark.parametrize(
    ("reason", "lacks"),
    [
        ("CapacityError: Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity", True),
        ("Unable to provision requested ML compute capacity. Please retry using a different ML instance type.", True),
        ("InsufficientCapacityException", True),
        ("AlgorithmError: ExitCode 1", False),
        ("", False),
    ],
)
def test_a_lack_of_capacity_is_recognized(reason: str, lacks: bool) -> None:  # noqa: FBT001 - a table
    """By SageMaker's reason for a failure."""
    assert lacks == lacks_capacity(reason)
