"""Refusals: the server's reason in one line, and whether to retry."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_sdk.steps.client.refusals import error_message, is_transient, refused_parameter, refuses_all, shorten


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


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        (
            {
                "error": {
                    "message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
                    "param": "max_tokens", "code": "unsupported_parameter",
                }
            },
            "max_tokens",
        ),
        ({"error": {"message": "Unsupported value: 'temperature' does not support 0.0 with this model."}}, "temperature"),
        ({"error": {"message": "`temperature` and `top_p` cannot both be specified for this model."}}, "temperature"),
        ({"error": {"message": "property 'seed' is unsupported"}}, "seed"),
        ({"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}, "seed"),
        ({"error": {"message": "unknown parameter 'grammar'; known: details"}}, "response_format"),
        ({"error": {"message": "Images are not supported, please stop sending them"}}, ""),
        ({"error": {"message": "'temperature' must be at most 2"}}, ""),
    ],
)  # fmt: skip
def test_a_parameter_that_a_model_lacks_is_found(body: Any, parameter: str) -> None:
    """By its name in the words of several providers; a wrong value is another mistake."""
    assert parameter == refused_parameter(400, body)
    assert "" == refused_parameter(500, body)


def test_a_refusal_of_every_request_is_recognized() -> None:
    """The key, the credit, the URL or the model; not what a filter refused."""
    refused = [status for status in (400, 401, 402, 403, 404, 405, 413, 422, 429, 500) if refuses_all(status, None)]
    assert [401, 402, 403, 404, 405] == refused
    assert not refuses_all(403, {"error": {"message": "Your input was flagged by moderation"}})
