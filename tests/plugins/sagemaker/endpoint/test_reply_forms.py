"""Replies whole and in a stream: the same reply is the same answer, or the same failure."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmops_plugins.sagemaker.endpoint.streaming import StreamedAnswer
from llmops_sdk.plugin import Answer, RequestError, parse_answer


def delta(reason: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": reason}]}


def chat(reason: str | None = "stop", **message: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": message, "finish_reason": reason}]}


def parsed(body: Any) -> Answer | bool:
    """Return the answer, or whether the failure may pass."""
    try:
        return parse_answer(body)
    except RequestError as exc:
        return exc.retryable


def streamed(*events: Any) -> Answer | bool:
    answer = StreamedAnswer(100_000)
    try:
        for event in events:
            answer.add(f"data: {json.dumps(event)}\n\n".encode())
        return parsed(answer.body())
    except RequestError as exc:
        return exc.retryable


THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}


@pytest.mark.parametrize(
    ("whole", "events"),
    [
        (chat(content=[THOUGHT, {"type": "text", "text": "hi"}]),
         [delta(content=[THOUGHT]), delta(content=[{"type": "text", "text": "hi"}]), delta("stop")]),
        (chat(content="hi", reasoning_content="hm"), [delta(reasoning_content="hm"), delta(content="hi"), delta("stop")]),
        (chat("length", content=None, reasoning_content="hm"), [delta(reasoning_content="hm"), delta("length")]),
        (chat("length", content=None), [delta(role="assistant", content=""), delta("length")]),
        (chat(content=None), [delta(role="assistant"), delta("stop")]),
        (chat(content=None, refusal="no"), [delta(refusal="no"), delta("stop")]),
        (chat("content_filter", content="half"), [delta(content="half"), delta("content_filter")]),
        (chat("abort", content="half"), [delta(content="half"), delta("abort")]),
        ({"choices": [{"message": {"content": ""}, "finish_reason": "error", "error": {"code": 502}}]},
         [delta(content="Par"), {"choices": [{"delta": {}, "finish_reason": "error", "error": {"code": 502}}]}]),
        ({"generated_text": "", "details": {"finish_reason": "error"}},
         [{"token": {"text": ""}, "generated_text": "", "details": {"finish_reason": "error"}}]),
        ({"error": "overloaded"}, [delta(content="Par"), {"error": "overloaded"}]),
        ({"error": {"message": "bad", "code": 400}}, [delta(content="Par"), {"error": {"message": "bad", "code": 400}}]),
        ({"detail": "oops"}, [{"detail": "oops"}]),
    ],
)  # fmt: skip
def test_whole_and_streamed_replies_are_alike(whole: Any, events: list[Any]) -> None:
    """Texts, reasoning, ends and errors."""
    assert parsed(whole) == streamed(*events)


@pytest.mark.parametrize(
    "event", [5, None, [], {"choices": 5}, {"choices": [5]}, {"outputs": [5, {}]}, {"token": 5}, {}]
)
def test_odd_events_end_in_an_outcome(event: Any) -> None:
    """An answer or an error of this request, whatever the types are."""
    assert isinstance(streamed(event), (Answer, bool))


def test_a_stream_is_read_up_to_a_limit() -> None:
    """An endless one is refused for good."""
    answer = StreamedAnswer(1000)
    answer.add(b" " * 900)
    with pytest.raises(RequestError, match="longer than 1000 bytes") as caught:
        answer.add(b" " * 200)
    assert not caught.value.retryable
