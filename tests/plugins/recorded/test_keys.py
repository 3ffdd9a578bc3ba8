"""What rows and test records are joined by."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from llmops_plugins.recorded.columns import HASH, ID, INPUT, Columns
from llmops_plugins.recorded.keys import (
    conversation_text,
    hash_keys,
    id_key,
    input_keys,
    row_keys,
)
from llmops_sdk.plugin import ChatPrompt, Prompt, TextPrompt, id_text

USER, ASSISTANT = {"role": "user", "content": "What is 1+1?"}, {"role": "assistant", "content": "2"}
ASKED = TextPrompt("### Sum:\nWhat is 1+1?")


def joins(row: dict[str, Any], record: dict[str, Any], columns: Columns, prompt: Prompt = ASKED) -> set[str]:
    """Return the kinds of keys that a row and a record have in common."""
    keys = dict(row_keys(row, columns))
    of_record: dict[str, list[bytes | None]] = {
        ID: [id_key(record.get("id"))],
        HASH: list(hash_keys(record, prompt)),
        INPUT: list(input_keys(record, prompt)),
    }
    return {kind for kind, key in keys.items() if key in of_record[kind]}


@pytest.mark.parametrize(("one", "other"), [("7", 7), (7.0, 7), (" a ", "a"), (True, True)])
def test_ids_are_compared_as_text(one: object, other: object) -> None:
    """A CSV file has no numbers, and pandas makes floats of them."""
    columns = Columns(answer="output", id="id")

    assert {ID} == joins({"id": one}, {"id": other}, columns)
    assert set() == joins({"id": one}, {"id": "x"}, columns)


def test_no_id_joins_nothing() -> None:
    """Neither null nor an empty cell."""
    assert "" == id_text(None)
    assert id_key(" ") is None
    assert [] == list(row_keys({"id": None}, Columns(answer="output", id="id")))


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "What is 1+1?"},
        {"prompt": " What is\r\n1+1? "},
        {"prompt": "### Sum:\nWhat is 1+1?"},
        {"prompt": [USER]},
        {"prompt": [{"role": "system", "content": "Be brief."}, USER, ASSISTANT]},
        {"prompt": [{"from": "human", "value": "What is 1+1?"}]},
        {"prompt": [{"role": "user", "content": [{"type": "text", "text": "What is 1+1?"}]}]},
    ],
)
def test_an_input_is_found_in_every_form(row: dict[str, Any]) -> None:
    """The question, the prompt as it is asked, and messages; spaces make no difference."""
    assert {INPUT} == joins(
        row, {"instruction": "What is 1+1?", "context": ""}, Columns(answer="output", input="prompt")
    )


@pytest.mark.parametrize(
    ("row", "is_joined"),
    [
        ({"instruction": "Sum up", "context": "A text."}, True),
        ({"instruction": "Sum up\n\nA text."}, True),
        ({"instruction": "A text."}, True),
        ({"instruction": "Sum up", "context": "Another."}, False),
    ],
)
def test_the_context_is_a_part_of_the_input(row: dict[str, Any], *, is_joined: bool) -> None:
    """Whether it has a field of its own or not."""
    columns = Columns(answer="output", input="instruction", context="context")

    assert is_joined == bool(joins(row, {"instruction": "Sum up", "context": "A text."}, columns))


def test_a_conversation_of_several_turns() -> None:
    """A record with earlier turns is joined to the same turns, and not to the last one alone."""
    turns = [USER, ASSISTANT, {"role": "user", "content": "And 2+2?"}]
    record = {"messages": turns, "instruction": "And 2+2?"}
    columns = Columns(answer="messages", input="messages")
    asked = ChatPrompt((USER, ASSISTANT, turns[-1]))

    assert {INPUT} == joins({"messages": [*turns, {"role": "assistant", "content": "4"}]}, record, columns, asked)
    assert "user: What is 1+1?\n\nassistant: 2\n\nuser: And 2+2?" == conversation_text(turns)


@pytest.mark.parametrize("text", ["What is 1+1?", "### Sum:\nWhat is 1+1?"])
def test_the_hash_of_the_input(text: str) -> None:
    """SHA-256 of the question or of the prompt, in either case and with or without its name."""
    hashed = hashlib.sha256(text.encode()).hexdigest()

    for shown in (hashed, hashed.upper(), f"sha256:{hashed}"):
        assert {HASH} == joins({"hash": shown}, {"instruction": "What is 1+1?"}, Columns(answer="o", input_hash="hash"))
