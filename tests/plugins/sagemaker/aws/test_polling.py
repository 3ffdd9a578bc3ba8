"""Polling AWS: temporary failures are retried, others are not."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import islice

import pytest

pytest.importorskip("botocore")

from botocore.exceptions import ClientError, EndpointConnectionError

from llmops_plugins.sagemaker.aws import polling
from llmops_plugins.sagemaker.aws.polling import is_denied, is_missing, poll, send
from llmops_sdk import EndpointError, UserError

LOG = logging.getLogger("llmops.test")
THROTTLED = ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "X")
DENIED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not you"}}, "X")
LOST = EndpointConnectionError(endpoint_url="https://x")


def answers(*values: object) -> Callable[[], object]:
    """Return a request that gives these answers, or raises them, in turn."""
    remaining = iter(values)

    def request() -> object:
        value = next(remaining)
        if isinstance(value, Exception):
            raise value
        return value

    return request


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "_RETRY_INTERVAL", 0.001)


def test_temporary_failures_are_logged_and_retried(caplog: pytest.LogCaptureFixture) -> None:
    """Throttling and lost connections; only answers are yielded."""
    polled = poll(answers("a", THROTTLED, LOST, "b"), "job 'x'", 0.001, LOG)

    with caplog.at_level(logging.WARNING, "llmops.test"):
        assert ["a", "b"] == list(islice(polled, 2))
    assert 2 == caplog.text.count("; trying again")


def test_failures_that_last_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """After `RETRY_SECONDS` without an answer; the error shows what to do."""
    monkeypatch.setattr(polling, "RETRY_SECONDS", 0.0)
    with pytest.raises(EndpointError, match=r"job 'x': AWS is throttling requests .*then resume with"):
        send(answers(THROTTLED, THROTTLED, THROTTLED), "job 'x'", LOG)


def test_other_failures_are_not_retried() -> None:
    """A missing permission does not come back by waiting."""
    with pytest.raises(UserError, match="job 'x': AWS denied access: not you"):
        send(answers(DENIED, "never"), "job 'x'", LOG)


def test_a_denied_look_at_what_was_created_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    """For some minutes: a change of a policy is not seen everywhere at once. Expired credentials do not come back."""
    expired = ClientError({"Error": {"Code": "ExpiredTokenException", "Message": "old"}}, "X")

    assert ["a", "b"] == list(islice(poll(answers(DENIED, "a", DENIED, DENIED, "b"), "x", 0.001, LOG, created=True), 2))
    with pytest.raises(UserError, match="expired"):
        next(poll(answers(DENIED, expired, "never"), "x", 0.001, LOG, created=True))
    monkeypatch.setattr(polling, "DENIED_SECONDS", 0.0)
    with pytest.raises(UserError, match="AWS denied access"):
        next(poll(answers(DENIED, DENIED, "never"), "x", 0.001, LOG, created=True))


def test_denied_access_is_recognized() -> None:
    """New access keys are unknown for a while, too."""
    assert is_denied(DENIED)
    assert is_denied(ClientError({"Error": {"Code": "InvalidClientTokenId"}}, "X"))
    assert not is_denied(THROTTLED)
    assert not is_denied(None)


def test_one_answer_ends_a_request() -> None:
    """It may have been repeated."""
    assert "a" == send(answers(THROTTLED, "a"), "job 'x'", LOG)


@pytest.mark.parametrize(
    ("code", "message", "missing"),
    [
        ("ResourceNotFound", "", True),
        ("ValidationException", "Could not find endpoint 'x'.", True),
        ("ValidationException", "Pipeline 'x' does not exist", True),
        ("ValidationException", "Requested resource not found.", True),
        ("ValidationException", "invalid name", False),
    ],
)
def test_a_missing_resource_is_recognized(code: str, message: str, missing: bool) -> None:  # noqa: FBT001 - a table
    """SageMaker has no error code of its own for it."""
    error = ClientError({"Error": {"Code": code, "Message": message}}, "Describe")

    assert missing == is_missing(error)
