"""Tool calls are read in the forms in which models and servers write them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmops_plugins.metrics.answers import UnreadableAnswerError
from llmops_plugins.metrics.structured.calls import Call, calls_in, calls_of

ROME = Call("weather", {"city": "Rome"})


@pytest.mark.parametrize(
    "value",
    [
        {"name": "weather", "arguments": {"city": "Rome"}},
        {"name": "weather", "arguments": '{"city": "Rome"}'},
        {"name": "weather", "parameters": {"city": "Rome"}},
        {"type": "tool_use", "id": "1", "name": "weather", "input": {"city": "Rome"}},
        {"type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"function": {"name": "weather", "arguments": '{"city": "Rome"}'}}],
        },
        [{"name": "weather", "arguments": {"city": "Rome"}}],
    ],
)
def test_one_call_has_many_forms(value: Any) -> None:
    """OpenAI's, Hermes', Llama's and Anthropic's; as JSON, in a code block, or in tags."""
    text = json.dumps(value)

    assert [ROME] == calls_of(value)
    for output in (
        text,
        f"```json\n{text}\n```",
        f"Let me see.\n<tool_call>\n{text}\n</tool_call>",
        f"<tool_call>{text}",
    ):
        assert [ROME] == calls_in(output)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("", []),
        ("It is sunny.", []),
        ("[]", []),
        ("7", []),
        ('{"tool_calls": null}', []),
        ('{"name": "now"}', [Call("now", {})]),
        ('{"name": "now", "arguments": ""}', [Call("now", {})]),
        ('{"name": "now", "arguments": null}', [Call("now", {})]),
        ('<tool_call>{"name": "a"}</tool_call>\n<tool_call>{"name": "b"}</tool_call>', [Call("a", {}), Call("b", {})]),
    ],
)
def test_a_text_may_have_no_call_or_several(output: str, expected: list[Call]) -> None:
    """A call may have no arguments."""
    assert expected == calls_in(output)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ('{"name": "weather", "arguments": {"city": ', "a tool call cannot be read: the answer is no JSON"),
        ("<tool_call>weather(Rome)</tool_call>", "a tool call cannot be read: Expecting value at line 1, column 1"),
        ('{"city": "Rome"}', 'a tool call has a name and arguments, which this lacks: \'{"city": "Rome"}\''),
        ('{"name": "weather", "arguments": "Rome"}', "the arguments of the call of 'weather' are no JSON: Expecting"),
        ('{"name": "weather", "arguments": ["Rome"]}', "the arguments of the call of 'weather' are no JSON object"),
        ('{"name": "weather", "arguments": {"a": 1, "a": 2}}', "the name 'a' is there twice"),
        ("[1]", "a tool call has a name and arguments, which this lacks: '1'"),
    ],
)
def test_a_call_that_cannot_be_read_is_a_failure(output: str, reason: str) -> None:
    """With the reason."""
    with pytest.raises(UnreadableAnswerError, match=r".") as error:
        calls_in(output)
    assert reason in str(error.value)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (Call("weather", {"city": "Rome"}), True),
        (Call("weather", {"city": "rome"}), False),
        (Call("Weather", {"city": "Rome"}), False),
        (Call("weather", {"city": "Rome", "unit": None}), False),
    ],
)
def test_calls_are_the_same_if_name_and_arguments_are(other: Call, expected: bool) -> None:  # noqa: FBT001 - a case
    """As JSON compares them."""
    assert expected == ROME.is_same(other)
    assert Call("a", {"n": 1}).is_same(Call("a", {"n": 1.0}))
