"""Why texts end, in the words of many servers."""

from __future__ import annotations

import pytest

from llmops_sdk.errors import RequestError
from llmops_sdk.steps.client.endings import read_ending


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        *((word, "stop") for word in ("stop", "STOP", "eos_token", "stop_sequence", "end_turn", "COMPLETE")),
        *((word, "length") for word in ("length", "MAX_TOKENS", "max_output_tokens", "model_length")),
        (None, ""),
        ("", ""),
        (5, ""),
        ("something new", "something new"),
        ("tool_calls", "tool_calls"),
    ],
)
def test_the_many_words_for_an_end_are_two(reason: object, expected: str) -> None:
    """A word that is not known is kept, and shown beside the answer."""
    assert expected == read_ending(reason, has_text=True)


@pytest.mark.parametrize(
    ("reason", "retryable"),
    [
        *((word, True) for word in ("error", "abort", "aborted", "cancelled", "load", "timeout", "overloaded",
                                    "insufficient_system_resource", "network_error", "engine_error", "failed")),
        *((word, False) for word in ("content_filter", "SAFETY", "refusal", "RECITATION", "guardrail_intervened")),
        ("tool_calls", False),
    ],
)  # fmt: skip
def test_an_end_without_an_answer_is_refused(reason: str, retryable: bool) -> None:  # noqa: FBT001 - a table
    """What the engine broke off may be asked again; what a filter stopped is the candidate's own outcome."""
    with pytest.raises(RequestError) as failure:
        read_ending(reason, has_text=reason != "tool_calls")
    assert retryable == failure.value.retryable
