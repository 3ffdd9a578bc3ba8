"""The answer that a row holds."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_plugins.recorded.answers import row_answer
from llmops_plugins.recorded.columns import Columns
from llmops_sdk.plugin import Answer, RequestError

COLUMNS = Columns(
    answer="output",
    model="model",
    latency="latency_ms",
    input_tokens="tokens_in",
    output_tokens="tokens_out",
    finish_reason="finish_reason",
    cost="cost",
)


def test_numbers_are_read_also_as_text() -> None:
    """As a CSV file has them; milliseconds by the field's name."""
    row = {"output": "Hi", "model": "m", "latency_ms": "250", "tokens_in": "5.0", "tokens_out": 3, "cost": "0.02"}

    answer = row_answer({**row, "finish_reason": "max_tokens", "reasoning": "Hm"}, COLUMNS)

    expected = Answer("Hi", 5, 3, "length", "m", latency=0.25, reasoning="Hm", cost=0.02)
    assert expected == answer


def test_what_is_not_given_is_unknown() -> None:
    """A latency that is missing, or no number, is not 0."""
    row = {"output": "", "latency_ms": "n/a", "tokens_in": None, "tokens_out": -1, "cost": float("nan")}

    assert Answer("") == row_answer(row, COLUMNS)


@pytest.mark.parametrize(
    ("value", "output"), [(3, "3"), (False, "false"), (["a"], '["a"]'), ({"city": "Zürich"}, '{"city": "Zürich"}')]
)
def test_an_answer_that_is_no_text_is_json(value: object, output: str) -> None:
    """As a model would have written it."""
    assert output == row_answer({"output": value}, COLUMNS).output


def test_a_complete_reply_of_a_server() -> None:
    """With its tokens and its model, as OpenAI's batches have it."""
    choice = {"message": {"content": "Hi"}, "finish_reason": "stop"}
    body = {"choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 3}, "model": "gpt"}

    assert Answer("Hi", 5, 3, "stop", "gpt") == row_answer({"r": body}, Columns(answer="r"))


@pytest.mark.parametrize("turn", [{"role": "assistant", "content": "2"}, {"from": "gpt", "value": "2"}])
def test_the_last_turn_of_a_conversation(turn: dict[str, Any]) -> None:
    """It must be the assistant's."""
    row, columns = {"messages": [{"role": "user", "content": "1+1?"}, turn]}, Columns(answer="messages")

    assert "2" == row_answer(row, columns).output
    with pytest.raises(RequestError, match="the recorded answer is null"):
        row_answer({"messages": row["messages"][:1]}, columns)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"output": None}, "the recorded answer is null"),
        ({"output": None, "error": "timed out"}, "the recorded answer is null: timed out"),
        ({"output": "", "error": {"code": 500}}, 'the recorded answer is empty: {"code": 500}'),
        (
            {"output": "", "finish_reason": "content_filter"},
            "the answer was stopped by a filter or refused (finish_reason 'content_filter')",
        ),
    ],
)
def test_a_row_without_an_answer(row: dict[str, Any], message: str) -> None:
    """It is unanswered for good, with what the row says about it."""
    with pytest.raises(RequestError) as caught:
        row_answer(row, COLUMNS)
    assert (message, False) == (str(caught.value), caught.value.retryable)


SCORED = Columns(answer="output", scores={"quality": "judge.score", "f1": "f1"})


def test_scores_come_with_an_answer() -> None:
    """Numbers, marks and texts of them; what is missing is left out."""
    row = {"output": "Hi", "judge": {"score": "0.5"}, "f1": True}

    assert Answer("Hi", scores={"quality": 0.5, "f1": 1.0}) == row_answer(row, SCORED)
    assert {"f1": 0.0} == row_answer({"output": "Hi", "f1": "false", "judge": {}}, SCORED).scores


def test_a_scored_answer_may_lack_its_text() -> None:
    """Without a score, or with an error, there is no answer."""
    assert Answer("", scores={"f1": 1.0}) == row_answer({"f1": 1}, SCORED)
    with pytest.raises(RequestError, match="the recorded answer is null"):
        row_answer({}, SCORED)
    with pytest.raises(RequestError, match="the recorded answer is null: refused"):
        row_answer({"f1": 1, "error": "refused"}, SCORED)


def test_a_row_that_was_lost_is_missing() -> None:
    """The model is not to blame."""
    with pytest.raises(RequestError, match=r"^HTTP 502$") as raised:
        row_answer({"error": "HTTP 502", "is_missing": True}, SCORED)

    assert raised.value.is_missing
