"""Matching test records with recorded answers: the choice of the join, what is missing, surplus or contradictory."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from llmops_plugins.recorded.index import AnswerIndex
from llmops_plugins.recorded.transport import RecordedTransport
from llmops_sdk import DataError, Progress
from llmops_sdk.plugin import GenerationOptions, RequestError, TextPrompt

from .rows import MakeIndex, options


class Said(Progress):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)


def transport(index: AnswerIndex, progress: Progress | None = None, **named: Any) -> RecordedTransport:
    """Answer from an index."""
    return RecordedTransport(index, options(**named), "answers.jsonl", logging.getLogger("t"), progress or Progress())


def asked(*records: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], TextPrompt]]:
    """Return records with their prompts."""
    return [(record, TextPrompt(f"Q: {record.get('instruction')}")) for record in records]


def test_records_are_answered_by_their_id(indexed: MakeIndex) -> None:
    """What has no row is unanswered with the reason; missing and surplus are counted, listed and recorded."""
    rows = [{"id": number, "output": f"answer {number}", "model": "old"} for number in range(6)]
    said = Said()
    answering = transport(indexed(*rows), said)
    records = asked(*({"id": str(number), "instruction": "?"} for number in (1, 2, 9)))

    details = answering.match(records)

    assert {
        "answers_in": "output",
        "joined_by": "id (id)",
        "matched": "2 of 3 records",
        "without_answer": "1: record 2 (id 9)",
        "rows_without_record": "4: row 1 (0), row 4 (3), row 5 (4), ...",
        "recorded_models": "old (6)",
    } == details
    assert [
        "answers.jsonl: 1 of 3 records have no answer: record 2 (id 9)",
        "answers.jsonl: 4 of 6 rows belong to no test record: row 1 (0), row 4 (3), row 5 (4), ...",
    ] == said.lines
    assert "answer 2" == answering.answer(1, *records[1]).output
    with pytest.raises(RequestError, match=r"'answers.jsonl' has no answer for this record \(id 9\)") as caught:
        answering.answer(2, *records[2])
    assert caught.value.is_missing


def test_the_join_that_finds_most_is_taken(indexed: MakeIndex) -> None:
    """IDs of requests are no IDs of records: the input joins."""
    rows = [{"id": f"chatcmpl-{number}", "prompt": f"line {number}", "output": f"{number}"} for number in range(3)]
    answering = transport(indexed(*rows))
    records = asked(*({"id": number, "instruction": f"line {number}"} for number in range(3)))

    assert "input (prompt)" == answering.match(records)["joined_by"]
    assert "2" == answering.answer(2, *records[2]).output


def test_numbers_that_are_no_common_ids_do_not_join(indexed: MakeIndex) -> None:
    """Both sides count their rows, in another order: the ID finds all, with the inputs of others."""
    rows = [{"id": number, "prompt": f"line {2 - number}", "output": f"{2 - number}"} for number in range(3)]
    answering = transport(indexed(*rows))
    records = asked(*({"id": number, "instruction": f"line {number}"} for number in range(3)))

    assert "input (prompt)" == answering.match(records)["joined_by"]
    assert ["0", "1", "2"] == [answering.answer(place, *each).output for place, each in enumerate(records)]


def test_an_id_that_the_user_names_is_used_with_a_warning(indexed: MakeIndex) -> None:
    """Without the input there is nothing to compare; with it, other inputs are pointed out."""
    rows = [{"id": number, "prompt": f"line {1 - number}", "output": f"{1 - number}"} for number in range(2)]
    said = Said()
    answering = transport(indexed(*rows, id="id", input="prompt"), said, id="id", input="prompt")
    records = asked({"id": 0, "instruction": "line 7"}, {"id": 1, "instruction": "line 1"})

    details = answering.match(records)

    assert ("id (id)", "1: record 1 and row 2") == (details["joined_by"], details["other_input"])
    assert (
        "warning: answers.jsonl: 1 answers joined by 'id' were given to another input: record 1 and row 2; is it the same ID?"
        in said.lines
    )


def test_the_dataset_may_call_its_id_otherwise(indexed: MakeIndex) -> None:
    """By a usual name, or by the one that the user gives."""
    row = {"custom_id": "a", "output": "Hi"}

    assert "1 of 1 records" == transport(indexed(row)).match(asked({"id": "a"}))["matched"]
    named = transport(indexed(row, record_id="ticket"), record_id="ticket")
    assert "1 of 1 records" == named.match(asked({"ticket": "a", "id": "b"}))["matched"]


def test_two_answers_for_one_record_are_refused(indexed: MakeIndex) -> None:
    """With both rows; an answer of another model is chosen by the filter."""
    rows = [{"id": 1, "output": "Hi"}, {"id": 2, "output": "Ho"}, {"id": 1, "output": "Ha"}]
    with pytest.raises(DataError) as caught:
        transport(indexed(*rows)).match(asked({"id": 1}))
    assert "row 1 and row 3 of 'answers.jsonl' have different answers for '1': remove one of them" == str(caught.value)

    by_models = [{**row, "model": model} for row, model in zip(rows, ("old", "old", "new"), strict=True)]
    with pytest.raises(DataError) as caught:
        transport(indexed(*by_models)).match(asked({"id": 1}))
    assert str(caught.value).endswith(
        "the file has answers of several models (old, new): choose one with filter: {model: old}"
    )


def test_two_responses_of_one_bedrock_row_are_refused(indexed: MakeIndex) -> None:
    """They are of two models."""
    responses = [{"response": text, "modelIdentifier": text} for text in ("a", "b")]
    rows = [{"prompt": prompt, "referenceResponse": "x", "modelResponses": responses} for prompt in ("Say", "Ask")]

    with pytest.raises(
        DataError, match=r"row 1 of 'answers.jsonl' has different answers for 'Say'.*filter: \{modelIdentifier: a\}"
    ):
        transport(indexed(*rows)).match(asked({"instruction": "Say"}))
    chosen = transport(indexed(*rows, filter={"modelIdentifier": "b"}))
    assert "1 of 1 records" == chosen.match(asked({"instruction": "Say"}))["matched"]


def test_inputs_that_were_asked_several_times_are_joined_by_id(indexed: MakeIndex) -> None:
    """Two samples of one prompt contradict each other by the input, and not by the ID."""
    answering = transport(indexed(*({"id": n, "prompt": "Say", "output": f"{n}"} for n in range(2))))
    records = asked(*({"id": n, "instruction": "Say"} for n in range(2)))

    assert "id (id)" == answering.match(records)["joined_by"]
    assert "1" == answering.answer(1, *records[1]).output


def test_a_file_that_answers_nothing_is_refused(indexed: MakeIndex) -> None:
    """The message shows one of each side."""
    with pytest.raises(DataError) as caught:
        transport(indexed({"id": "x1", "output": "Hi"})).match(asked({"id": "r1", "instruction": "Say"}))
    assert (
        "no test record has an answer in 'answers.jsonl', joined by 'id': the first record has 'r1', the first row 'x1';"
        " name other fields with id: NAME, record_id: NAME or input: NAME"
    ) == str(caught.value)


def test_a_null_answer_names_its_row(indexed: MakeIndex) -> None:
    """It counts as matched, and is unanswered."""
    answering = transport(indexed({"id": 1, "output": None, "error": "timed out"}, {"id": 2, "output": "Hi"}))
    records = asked({"id": 1})
    answering.match(records)

    with pytest.raises(RequestError, match=r"row 1 of 'answers.jsonl': the recorded answer is null: timed out"):
        answering.answer(0, *records[0])


def test_probes_have_no_recorded_answers(indexed: MakeIndex) -> None:
    """Only the test records were asked."""
    with pytest.raises(RequestError, match="only the test records have recorded answers"):
        transport(indexed({"id": 1, "output": "Hi"})).send(TextPrompt("Say"), GenerationOptions())


def test_a_row_may_answer_several_records(indexed: MakeIndex) -> None:
    """The same question with two references: the details name them."""
    answering = transport(indexed({"prompt": "Say", "output": "Hi"}))
    records = asked({"instruction": "Say", "response": "a"}, {"instruction": "Say", "response": "b"})

    assert "1: record 1 and row 1" == answering.match(records)["rows_of_several_records"]


def test_rows_for_other_datasets_are_not_reported(indexed: MakeIndex) -> None:
    """Of a file that several datasets share."""
    index = indexed(*({"id": place, "output": "x"} for place in range(3)))

    assert "rows_without_record" in transport(index).match(asked({"id": 0}))
    assert "rows_without_record" not in transport(index, shared=True).match(asked({"id": 0}))


def test_a_row_that_was_lost_is_missing(indexed: MakeIndex) -> None:
    """With its place and its error."""
    answering = transport(indexed({"id": 0, "output": None, "error": "HTTP 502", "is_missing": True}))
    answering.match(asked({"id": 0}))

    with pytest.raises(RequestError, match=r"row 1 of 'answers.jsonl': HTTP 502") as raised:
        answering.answer(0, {"id": 0}, TextPrompt("?"))
    assert raised.value.is_missing
