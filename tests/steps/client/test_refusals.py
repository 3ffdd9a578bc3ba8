"""Refusals: the server's reason in one line, and whether to retry."""

from __future__ import annotations

from llmops_sdk.steps.client.refusals import error_message, is_transient, shorten


def test_sagemakers_wrapped_throttling_may_be_asked_again() -> None:
    """The container's own status decides what a ModelError means; without one it is final."""
    assert (True, False) == (is_transient(424, {"OriginalStatusCode": 429}), is_transient(424, {"Message": "x"}))


def test_server_errors_and_throttling_may_be_retried() -> None:
    """Every 5xx, timeouts and 429; no other 4xx."""
    retried = [
        status for status in (400, 401, 404, 408, 413, 422, 425, 429, 500, 502, 503, 529) if is_transient(status, None)
    ]

    assert [408, 425, 429, 500, 502, 503, 529] == retried


def test_a_reason_is_in_one_line_and_not_long() -> None:
    """Whatever a server writes; without a reason, the status."""
    assert "a b" == error_message(500, {"message": "a\n  b"})
    assert "HTTP status 500 without a reason" == error_message(500, "")
    assert len(error_message(500, {"detail": "x" * 5000})) < 400
    assert "short" == shorten(" short ")
