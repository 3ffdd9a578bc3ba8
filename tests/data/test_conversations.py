from __future__ import annotations

from typing import Any

import pytest

from llmops_sdk.data.conversations import is_conversation, read_conversation, refuse_tools, text_of
from llmops_sdk.errors import DataError


def turns(*pairs: tuple[str, Any]) -> list[dict[str, Any]]:
    """Messages in OpenAI's form."""
    return [{"role": role, "content": content} for role, content in pairs]


def test_the_last_answer_is_the_reference() -> None:
    """What comes before it is asked, as it is."""
    asked = turns(("system", "Be brief."), ("user", "Name a city."), ("assistant", "Where?"), ("user", "In Peru."))
    conversation = read_conversation([*asked, *turns(("assistant", "Lima"))], "record 1")
    assert (tuple(asked), "Lima", "In Peru.") == (conversation.messages, conversation.reference, conversation.question)
    assert "system: Be brief.\n\nuser: Name a city.\n\nassistant: Where?" == conversation.transcript


def test_sharegpt_has_other_names() -> None:
    """`from` and `value`, human and gpt; a system text may stand beside the turns."""
    conversation = read_conversation([{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}], "x", system="S")
    assert [{"role": "system", "content": "S"}, {"role": "user", "content": "a"}] == list(conversation.messages)
    assert "b" == conversation.reference


def test_bedrock_has_parts_without_a_type() -> None:
    """Its system text is a list of parts too."""
    conversation = read_conversation(
        [
            {"role": "user", "content": [{"text": "a"}]},
            {"role": "assistant", "content": [{"text": "b"}, {"text": "c"}]},
        ],
        "x",
        system=[{"text": "S"}],
    )
    assert ("S", "a", "bc") == (*(turn["content"] for turn in conversation.messages), conversation.reference)


@pytest.mark.parametrize(
    "end",
    [turns(("user", "b")), turns(("user", "b"), ("assistant", None)), turns(("user", "b"), ("assistant", ""))],
)
def test_a_conversation_without_an_answer_has_no_reference(end: list[dict[str, Any]]) -> None:
    """It ends with the user's turn, or with an answer that is null."""
    conversation = read_conversation([*turns(("user", "a"), ("assistant", "x")), *end], "x")
    assert ("b", "") == (conversation.question, conversation.reference)


def test_answers_in_a_row_are_one() -> None:
    """What is asked always ends with the user's turn."""
    assert "b\n\nc" == read_conversation(turns(("user", "a"), ("assistant", "b"), ("assistant", "c")), "x").reference


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, ""),
        ("a", "a"),
        ([{"type": "text", "text": "a"}, "b"], "ab"),
        ([{"type": "thinking", "thinking": "hm"}, {"type": "output_text", "text": "a"}], "a"),
        ([{"type": "text", "text": "a", "image_url": None}], "a"),
        ([], ""),
    ],
)
def test_parts_of_a_content(content: Any, expected: str) -> None:
    """Texts count, what a model thought does not; tables in columns give parts fields that are null."""
    assert expected == text_of(content, "turn 1")


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        (turns(("user", [{"type": "image_url", "image_url": {"url": "x"}}])), "turn 1 of record 3 has a part of type 'image_url': only"),
        (turns(("user", [{"image": {"format": "png"}}])), "turn 1 of record 3 has a part of type 'image': only text is"),
        (turns(("user", [{"type": "input_audio"}])), "turn 1 of record 3 has a part of type 'input_audio'"),
        (turns(("user", [{"toolResult": {}}])), "turn 1 of record 3 calls a tool; tool calls are not supported"),
        (turns(("user", [5])), "turn 1 of record 3 has a part of type int: a part is a text, or has"),
        (turns(("user", 5)), "the content of turn 1 of record 3 is of type int, not text"),
        (turns(("user", "a"), ("tool", "b")), "turn 2 of record 3 calls a tool or has its result; tool calls are not"),
        ([*turns(("user", "a")), {"role": "assistant", "content": None, "tool_calls": [{}]}], "turn 2 of record 3 calls a tool"),
        (turns(("narrator", "a")), "turn 1 of record 3 has the role 'narrator'; known: system, developer, user, human"),
        (turns(("system", "a"), ("assistant", "b")), "the conversation of record 3 has no user's turn before the assistant's"),
        (turns(("system", "a")), "the conversation of record 3 has no user's turn at its end"),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_named(messages: list[dict[str, Any]], text: str) -> None:
    """One line has the turn, the record and what to do."""
    with pytest.raises(DataError) as caught:
        read_conversation(messages, "record 3")
    assert str(caught.value).startswith(text)


def test_tools_of_a_record_are_refused() -> None:
    """An empty list of them is none."""
    refuse_tools({"messages": [], "tools": [], "functions": None}, "record 3")
    with pytest.raises(DataError, match="record 3 has 'tools': tool calls are not supported: remove such records"):
        refuse_tools({"tools": [{"type": "function"}]}, "record 3")


@pytest.mark.parametrize(
    ("value", "expected"),
    [([{"role": "user"}], True), ([{"from": "human"}], True), ([], False), ("a", False), ([{"text": "a"}], False)],
)
def test_what_a_conversation_is(value: Any, expected: bool) -> None:  # noqa: FBT001 - a parameter
    """A list of turns, each with who says it."""
    assert expected == is_conversation(value)
