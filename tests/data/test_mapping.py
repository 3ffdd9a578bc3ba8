from __future__ import annotations

from typing import Any

import pytest

from llmops_sdk.data.mapping import RowMapping
from llmops_sdk.errors import DataError

ROW = {"instruction": "i", "context": "c", "response": "r"}


def record(row: dict[str, Any], **mapping: Any) -> dict[str, Any]:
    """The record of a row."""
    return RowMapping(**mapping).record(row, "record 3 of 'a.jsonl'", {})


def test_the_known_fields_come_first() -> None:
    """Then the others by name, so that equal rows give equal bytes."""
    made = record({"z": 1, "question": "q", "answers": ["a", "b"], "a": None})
    assert [
        ("instruction", "q"),
        ("context", ""),
        ("response", "a"),
        ("references", ["a", "b"]),
        ("a", None),
        ("z", 1),
    ] == list(made.items())


def test_columns_are_named_by_paths() -> None:
    """A list of texts is several references, and the field that a path is inside of is read."""
    row = {"question": "q", "context": "c", "answers": {"text": ["a", "", "a", "b"], "start": [1]}, "id": 5}
    expected = {"instruction": "q", "context": "c", "response": "a", "references": ["a", "b"], "id": 5}
    assert expected == record(row, columns={"instruction": "question", "response": "answers.text"})
    assert "b" == record(row, columns={"response": "answers.text[3]"})["response"]


def test_one_instruction_for_all() -> None:
    """It replaces the row's own; of rows with a question, that is what it is about."""
    assert ("I", "c") == tuple(record(ROW, instruction="I")[field] for field in ("instruction", "context"))
    asked = record({"question": "q", "context": "c", "answer": "a"}, instruction="Answer in one word.")
    assert ("Answer in one word.", "q\n\nc") == (asked["instruction"], asked["context"])
    mapped = record({"question": "q", "text": "t", "answer": "a"}, instruction="I", columns={"context": "text"})
    assert "t" == mapped["context"]


def test_a_conversation_keeps_its_turns() -> None:
    """A named column replaces the reference only."""
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "old"}]
    made = record({"messages": turns, "gold": 1}, columns={"response": "gold"})
    assert {"instruction": "q", "context": "", "response": "1", "messages": turns[:1]} == made
    assert turns[:1] == record({"chat": turns}, columns={"messages": "chat"})["messages"]


def test_messages_that_are_not_asked_are_no_field() -> None:
    """The prompt 'chat' would ask them."""
    turns = [{"role": "user", "content": "q"}]
    made = record({"messages": turns, "q": "other"}, columns={"instruction": "q"})
    assert {"instruction": "other", "context": ""} == made


@pytest.mark.parametrize("value", ["", "  ", None, float("nan"), [], [None, ""]])
def test_a_row_without_a_reference_is_a_record(value: object) -> None:
    """It has no response; metrics that need none use it."""
    assert {"instruction": "i", "context": "c"} == record({**ROW, "response": value})
    assert {"instruction": "i", "context": "c"} == record({"instruction": "i", "context": "c"})


@pytest.mark.parametrize(
    ("value", "expected"), [(0, "0"), (True, "true"), (-1.5, "-1.5"), (2**70, str(2**70)), ("1", "1")]
)
def test_labels_are_their_text(value: object, expected: str) -> None:
    """Numbers, true and false are written as in JSON, as prompts write them."""
    assert expected == record({**ROW, "response": value})["response"]


def test_labels_have_names() -> None:
    """The names of the values 0, 1, 2, ...; other values stay."""
    labels = {"0": "sad", "1": "glad"}
    assert ["glad", "glad", "2"] == [record({**ROW, "response": n}, labels=labels)["response"] for n in (1, "1", 2)]


def test_the_column_of_the_group_stays() -> None:
    """Also if it is the context."""
    assert "x" == record({**ROW, "text": "x"}, columns={"context": "text"}, group="text")["text"]


def test_odd_values_of_other_fields_are_left_out() -> None:
    """NaN is null; what JSON cannot hold is named with its row."""
    left_out: dict[str, str] = {}
    made = RowMapping(drop=("category",)).record(
        {**ROW, "n": float("nan"), "inf": float("inf"), "category": "x", "\ud800": 1}, "record 3", left_out
    )
    assert {**ROW, "n": None} == made
    assert "an infinite number in record 3" == left_out["inf"]


@pytest.mark.parametrize(
    ("row", "columns", "text"),
    [
        ({"text": "q", "gold": "r"}, {}, "record 3 of 'a.jsonl' has no field 'instruction'; available: gold, text; name the field"),
        (ROW, {"context": "text"}, "record 3 of 'a.jsonl' has no field 'text'; available: context, instruction, response"),
        (ROW, {"instruction": "a.b"}, "record 3 of 'a.jsonl' has no field 'a.b'; available: context, instruction, response"),
        ({**ROW, "instruction": ""}, {}, "the field 'instruction' of record 3 of 'a.jsonl' is empty; every record needs its"),
        ({**ROW, "q": 5}, {"instruction": "q"}, "the field 'q' of record 3 of 'a.jsonl' is of type int, not text"),
        ({**ROW, "context": ["a"]}, {}, "the field 'context' of record 3 of 'a.jsonl' is of type list, not text"),
        ({**ROW, "response": {}}, {}, "the field 'response' of record 3 of 'a.jsonl' is of type dict, not text"),
        ({**ROW, "response": [["a"]]}, {}, "the field 'response' of record 3 of 'a.jsonl' is of type list, not text"),
        ({**ROW, "response": float("inf")}, {}, "the field 'response' of record 3 of 'a.jsonl' is an infinite number, not text"),
        ({**ROW, "response": "\ud800"}, {}, "the field 'response' of record 3 of 'a.jsonl' is half of a surrogate pair"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_used_is_named(row: dict[str, Any], columns: dict[str, str], text: str) -> None:
    """The message has the file, the row, the field and how to fix it."""
    with pytest.raises(DataError) as caught:
        record(row, columns=columns)
    assert str(caught.value).startswith(text)


def test_an_instruction_for_conversations_is_refused() -> None:
    """They ask their own question."""
    with pytest.raises(
        DataError, match=r"record 3 of 'a\.jsonl' is a conversation, which asks its own question: remove"
    ):
        record({"messages": [{"role": "user", "content": "q"}]}, instruction="I")
