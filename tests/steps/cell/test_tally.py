"""What is counted of a cell's answers."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_sdk.steps.cell.tally import Tally, fits_format
from llmops_sdk.steps.client.reasoning import CUT, STOPPED
from llmops_sdk.values.answers import Answer, Answered, Pending, Unanswered

CITY = {"type": "object", "required": ["city"]}


def tally(*answers: Answer, response_format: Any = None) -> Tally:
    counts = Tally(response_format)
    for index, answer in enumerate(answers):
        counts.count(Answered(index, answer))
    return counts


def test_answers_are_counted_by_what_they_lack() -> None:
    """Empty ones, cut ones, and those that no answer came of, each once."""
    counts = tally(Answer("a", latency=1.0), Answer(" \n", finish_reason="length", time_to_first_token=0.5))
    unanswered = (Unanswered(2, CUT), Unanswered(3, STOPPED), Unanswered(4, "too long"))
    for outcome in (*unanswered, Unanswered(5, "not in the file", is_missing=True), Pending(6, "busy")):
        counts.count(outcome)

    assert (2, 1, 1, 2) == (counts.answered, counts.empty, counts.cut, counts.cut_reasoning)
    assert (1, 1) == (counts.missing, counts.pending)
    assert ([1.0], [0.5]) == (list(counts.latencies), list(counts.first_tokens))
    assert ["2 records have no answer: the model was still reasoning at max_new_tokens"] == list(counts.notices())


def test_reasoning_tokens_are_added_up() -> None:
    """Or unknown."""
    assert tally(Answer("a")).reasoning_tokens is None
    assert 7 == tally(Answer("a", reasoning_tokens=7), Answer("b")).reasoning_tokens


def test_a_model_that_changes_is_a_notice() -> None:
    """One model is none."""
    one = tally(Answer("a", model="m-1"), Answer("b", model="m-1"), Answer("c"))
    assert ("m-1", []) == (one.model_names(), list(one.notices()))
    two = tally(Answer("a", model="m-1"), Answer("b", model="m-2"), Answer("c", model="m-2"))
    assert ["the endpoint reported 2 models during these answers: m-2 (2), m-1 (1)"] == list(two.notices())


def test_answers_that_are_not_of_the_requested_form_are_a_notice() -> None:
    """Of one server that ignores it."""
    counts = tally(Answer('{"city": "Rome"}'), Answer("Rome"), response_format=CITY)
    (notice,) = counts.notices()
    assert (1, True) == (counts.malformed, notice.startswith("1 of 2 answers are not JSON of the form"))


@pytest.mark.parametrize(
    ("text", "form", "fits"),
    [
        ("anything", None, True),
        ("anything", {"type": "text"}, True),
        ('{"a": 1}', {"type": "json_object"}, True),
        ("[1]", {"type": "json_object"}, False),
        ('```json\n{"a": 1}\n```', {"type": "json_object"}, False),
        ('{"city": 1}', CITY, True),
        ('{"town": 1}', CITY, False),
        ('"Rome"', CITY, False),
        ('"Rome"', {"type": "string"}, True),
        ('{"city": 1}', {"type": "json_schema", "json_schema": {"name": "a", "schema": CITY}}, True),
        ("{}", {"type": "json_schema", "json_schema": {"name": "a", "schema": CITY}}, False),
        ("[" * 100_000, {"type": "json_object"}, False),
    ],
)
def test_a_text_has_the_form_or_not(text: str, form: Any, fits: bool) -> None:  # noqa: FBT001 - a table
    """JSON, and of an object the required names; the rest of a schema is the server's."""
    assert fits == fits_format(text, form)


def test_scores_may_stand_for_all_texts() -> None:
    """Of a file that has scores and no texts, no answer is empty; one among texts is."""
    scored = [Answer(scores={"m": 1.0}), Answer(scores={"m": 0.0})]
    assert 0 == tally(*scored).empty
    assert 2 == tally(*scored, Answer("text", scores={"m": 0.0})).empty
    assert 1 == tally(Answer("")).empty
