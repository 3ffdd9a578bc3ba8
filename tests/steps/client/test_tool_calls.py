"""What a model calls is its answer, where it was offered tools."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmops_sdk.errors import RequestError
from llmops_sdk.steps.client.answers import parse_answer
from llmops_sdk.steps.client.tool_calls import with_tool_calls

ROME = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
NOW = {"id": "2", "type": "function", "function": {"name": "now", "arguments": ""}}
ROME_TEXT = '{"name": "weather", "arguments": {"city": "Rome"}}'
NOW_TEXT = '{"name": "now", "arguments": {}}'


def reply(content: str | None, **message: Any) -> dict[str, Any]:
    return {
        "choices": [{"message": {"role": "assistant", "content": content, **message}, "finish_reason": "tool_calls"}]
    }


@pytest.mark.parametrize(
    ("content", "message", "expected"),
    [
        (None, {"tool_calls": [ROME]}, f"[{ROME_TEXT}]"),
        ("", {"tool_calls": [ROME, NOW]}, f"[{ROME_TEXT}, {NOW_TEXT}]"),
        ("See.", {"tool_calls": [ROME]}, f"See.\n<tool_call>{ROME_TEXT}</tool_call>"),
        (None, {"function_call": ROME["function"]}, f"[{ROME_TEXT}]"),
        ("See.", {"tool_calls": None}, "See."),
        ("See.", {"tool_calls": [{}]}, "See."),
        ("See.", {"tool_calls": "none"}, "See."),
    ],
)
def test_calls_are_in_the_answer(content: str | None, message: dict[str, Any], expected: str) -> None:
    """As a list where they are alone; after a text, in tags."""
    assert expected == parse_answer(reply(content, **message)).output


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"a": ', '{"a": '),
        ('{"a": NaN}', '{"a": NaN}'),
        (None, {}),
        ({"a": 1}, {"a": 1}),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_arguments_that_are_no_json_stay_a_text(arguments: Any, expected: Any) -> None:
    """They are the model's own mistake, for a metric to see."""
    text = with_tool_calls(None, {"tool_calls": [{"function": {"name": "f", "arguments": arguments}}]})

    assert text is not None
    assert [{"name": "f", "arguments": expected}] == json.loads(text)


def test_a_reply_without_the_call_is_no_answer() -> None:
    """The reason is the finish reason."""
    with pytest.raises(RequestError, match="called a tool, and the reply has neither the call nor a text") as error:
        parse_answer(reply(None, tool_calls=[{}]))
    assert not error.value.retryable
