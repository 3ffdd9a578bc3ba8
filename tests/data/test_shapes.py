from __future__ import annotations

from typing import Any

import pytest

from llmops_sdk.data.columns import MISSING
from llmops_sdk.data.shapes import find_shape, read_turns
from llmops_sdk.errors import DataError

USER = {"role": "user", "content": "q"}
ASSISTANT = {"role": "assistant", "content": "a"}


@pytest.mark.parametrize(
    ("row", "shape", "expected"),
    [
        ({"messages": [USER, ASSISTANT]}, "messages", ("q", "", "a")),
        ({"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}, "conversations", ("q", "", "a")),
        ({"messages": [USER], "response": "a"}, "messages", ("q", "", "a")),
        ({"messages": [USER]}, "messages", ("q", "", MISSING)),
        ({"instruction": "q", "input": "c", "output": "a"}, "instruction", ("q", "c", "a")),
        ({"instruction": "q", "context": "c", "response": "a"}, "instruction", ("q", "c", "a")),
        ({"instruction": "q"}, "instruction", ("q", MISSING, MISSING)),
        ({"prompt": "q", "completion": "a"}, "prompt", ("q", MISSING, "a")),
        ({"prompt": [USER], "completion": [ASSISTANT]}, "prompt", ("q", "", "a")),
        ({"prompt": [USER], "completion": "a"}, "prompt", ("q", "", "a")),
        ({"prompt": [USER]}, "prompt", ("q", "", MISSING)),
        ({"prompt": "q"}, "prompt", ("q", MISSING, MISSING)),
        ({"input": [USER], "ideal": ["a", "b"]}, "prompt", ("q", "", ["a", "b"])),
        ({"input": "q", "output": "a"}, "prompt", ("q", MISSING, "a")),
        ({"prompt": "q", "referenceResponse": "a", "category": "c"}, "bedrock", ("q", MISSING, "a")),
        ({"prompt": "q", "modelResponses": [{"response": "x", "modelIdentifier": "m"}]}, "bedrock", ("q", MISSING, MISSING)),
        ({"question": "q", "answer": "a"}, "question", ("q", MISSING, "a")),
        ({"question": "q", "context": "c", "answers": {"text": ["a", "b"], "answer_start": [1, 2]}}, "question", ("q", "c", ["a", "b"])),
        ({"question": "q", "answers": [{"text": "a"}, {"text": "b"}]}, "question", ("q", MISSING, ["a", "b"])),
        ({"question": "q", "context": {"sentences": []}, "answer": "a"}, "question", ("q", MISSING, "a")),
    ],
)  # fmt: skip
def test_a_shape_is_found_and_read(row: dict[str, Any], shape: str, expected: tuple[Any, Any, Any]) -> None:
    """What is asked, what about, and the reference."""
    found = find_shape(row)
    assert found is not None
    parts = found.read(row, "record 1")
    assert (shape, expected) == (found.name, (parts.instruction, parts.context, parts.reference))
    assert parts.used <= set(row)


def test_a_retrieval_row_of_bedrock_has_turns() -> None:
    """The reference of an earlier turn is what was answered."""
    row = {
        "conversationTurns": [
            {"prompt": {"content": [{"text": "q1"}]}, "referenceResponses": [{"content": [{"text": "a1"}]}]},
            {"prompt": {"content": [{"text": "q2"}]}, "referenceResponses": [{"content": [{"text": "a"}]}, {"content": [{"text": "b"}]}]},
        ]
    }  # fmt: skip
    shape = find_shape(row)
    assert shape is not None
    parts = shape.read(row, "record 1")
    assert ("q2", "user: q1\n\nassistant: a1", ["a", "b"]) == (parts.instruction, parts.context, parts.reference)


@pytest.mark.parametrize(
    "row", [{"article": "a", "highlights": "b"}, {"text": "a", "label": 1}, {"messages": "a"}, {"input": "q"}, {}]
)
def test_other_rows_have_no_shape(row: dict[str, Any]) -> None:
    """Their columns must be named."""
    assert find_shape(row) is None


def test_a_conversation_in_another_column() -> None:
    """Also inside one; a column that holds none is an error."""
    parts = read_turns({"chat": {"turns": [USER, ASSISTANT]}}, "chat.turns", "record 1")
    assert ("q", "a", {"chat"}) == (parts.instruction, parts.reference, set(parts.used))
    with pytest.raises(
        DataError, match="the field 'chat' of record 1 is no conversation: a list of turns with role and"
    ):
        read_turns({"chat": "a"}, "chat", "record 1")


def test_tools_are_refused() -> None:
    """By a clear line with the record."""
    shape = find_shape({"messages": [USER]})
    assert shape is not None
    with pytest.raises(DataError, match="record 7 has 'tools': tool calls are not supported"):
        shape.read({"messages": [USER, ASSISTANT], "tools": [{"type": "function"}]}, "record 7")
