"""Which fields of a file hold what."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_plugins.recorded.columns import Columns, choose_columns, is_kept
from llmops_plugins.recorded.files import Row
from llmops_sdk import DataError

from .rows import options


def chosen(*rows: dict[str, Any], **named: Any) -> Columns:
    """Return the columns of rows."""
    return choose_columns([Row(f"row {number}", row) for number, row in enumerate(rows)], options(**named), "a.jsonl")


def test_fields_with_usual_names_are_found() -> None:
    """Also those inside objects, and those that only some rows have."""
    first = {
        "id": 1,
        "prompt": "Say",
        "output": "Hi",
        "usage": {"prompt_tokens": 1, "completion_tokens": 2},
        "model": "m",
    }
    second = {**first, "latency_ms": 3, "finish_reason": "stop", "cost": 0.1}

    assert Columns(
        answer="output",
        id="id",
        input="prompt",
        model="model",
        latency="latency_ms",
        input_tokens="usage.prompt_tokens",
        output_tokens="usage.completion_tokens",
        finish_reason="finish_reason",
        cost="cost",
    ) == chosen(first, second)


@pytest.mark.parametrize(
    ("row", "answer", "text", "context"),
    [
        ({"instruction": "a", "input": "b", "output": "c"}, "output", "instruction", "input"),
        ({"instruction": "a", "context": "b", "response": "c"}, "response", "instruction", "context"),
        ({"question": "a", "model_output": "c", "answer": "the reference"}, "model_output", "question", ""),
        ({"prompt": "a", "referenceResponse": "b", "response": "c", "modelIdentifier": "m"}, "response", "prompt", ""),
        ({"messages": []}, "messages", "messages", ""),
        ({"messages": [], "completion": "c"}, "completion", "messages", ""),
        ({"custom_id": "a", "response": {"body": {"choices": []}}}, "response.body", "", ""),
    ],
)
def test_forms_of_files(row: dict[str, Any], answer: str, text: str, context: str) -> None:
    """Alpaca, our own, QA with its reference, Bedrock's, logged chats, and OpenAI's batches."""
    columns = chosen(row)

    assert (answer, text, context) == (columns.answer, columns.input, columns.context)


def test_the_id_of_a_batch_is_the_users_own() -> None:
    """OpenAI's batches have an ID of the request beside it."""
    row: dict[str, Any] = {"id": "batch_req_1", "custom_id": "q1", "response": {"body": {"choices": []}}, "error": None}

    assert "custom_id" == chosen(row).id


def test_a_named_join_is_the_only_one() -> None:
    """An ID that the user names is not overruled by the input."""
    columns = chosen({"id": 1, "key": 2, "prompt": "Say", "output": "Hi"}, id="key")

    assert ("key", "", "") == (columns.id, columns.input, columns.input_hash)


@pytest.mark.parametrize(
    ("row", "named", "message"),
    [
        (
            {"text": "Hi", "id": 1},
            {},
            "'a.jsonl' has no field with a usual name of answers; name it with answer: NAME; it has: text, id",
        ),
        (
            {"answer": "the reference?", "response": "Hi", "id": 1},
            {},
            "'a.jsonl' has several fields that may be the answers: answer, response; name it with answer: NAME; it has: answer, response, id",
        ),
        (
            {"output": "Hi", "who": "me"},
            {},
            "'a.jsonl' has no field to join its answers to the test records by: name one with id: NAME or input: NAME; it has: output, who",
        ),
        (
            {"output": "Hi", "recordId": 1},
            {"id": "record_id"},
            "'a.jsonl' has no field 'record_id', which id names; did you mean 'recordId'?; it has: output, recordId",
        ),
    ],
)
def test_a_field_that_is_missing(row: dict[str, Any], named: dict[str, str], message: str) -> None:
    """One line names the fields that the file has."""
    with pytest.raises(DataError) as caught:
        chosen(row, **named)
    assert message == str(caught.value)


def test_the_filter_compares_as_text() -> None:
    """So that a number fits the text of a CSV file."""
    row = Row("row 1", {"model": "gpt-4", "run": "2", "meta": {"lang": "de"}})

    assert is_kept(row, {"model": "gpt-4", "run": 2, "meta.lang": "de"})
    assert not is_kept(row, {"model": "gpt-5"})


def test_fields_with_scores_need_no_field_with_answers() -> None:
    """They are named; a name that the file lacks is refused."""
    row = {"id": 1, "judge": {"score": 1}}

    columns = chosen(row, scores={"quality": "judge.score"})

    assert ("", {"quality": "judge.score"}) == (columns.answer, columns.scores)
    assert "judge.score" in columns.of_answers
    with pytest.raises(DataError, match="has no field 'judged', which scores names"):
        chosen(row, scores={"quality": "judged"})
