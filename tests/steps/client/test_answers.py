"""Answers in every shape that servers return them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmops_sdk.errors import RequestError
from llmops_sdk.steps.client.answers import parse_answer, parse_log_probability
from llmops_sdk.values.answers import Answer

PREFILL = [{"id": 1, "text": "<s>", "logprob": None}, {"id": 2, "text": "Say", "logprob": -1.5},
           {"id": 3, "text": " hi", "logprob": -0.25}]  # fmt: skip

WITHOUT_ECHO: list[Any] = [
    [], None, [{"text": "a"}], [{"logprobs": None}], [{"logprobs": {"token_logprobs": []}}],
    [{"logprobs": {"token_logprobs": [-0.5, -1.0]}}],
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ([{"generated_text": " hi"}], Answer(" hi")),
        ({"generated_text": ""}, Answer("")),
        ([{"generation": "hi"}], Answer("hi")),
        ([{"generation": {"role": "assistant", "content": "hi"}}], Answer("hi")),
        (
            [{"generated_text": "hi", "details": {"finish_reason": "length", "generated_tokens": 2, "prompt_tokens": 9}}],
            Answer("hi", 9, 2, "length"),
        ),
        (
            {"generated_text": "hi", "details": {"finish_reason": "eos_token", "generated_tokens": 2, "prefill": [{}] * 3}},
            Answer("hi", 3, 2, "stop"),
        ),
        ({"generated_text": "hi", "details": {"finish_reason": "stop_sequence", "prefill": []}}, Answer("hi", finish_reason="stop")),
        ({"generated_text": "hi", "details": None}, Answer("hi")),
        (
            {
                "choices": [{"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 4, "completion_tokens": 1},
            },
            Answer("hi", 4, 1, "stop"),
        ),
        ({"choices": [{"text": "hi", "finish_reason": None}]}, Answer("hi")),
    ],
)  # fmt: skip
def test_every_shape_of_answer_is_read(body: Any, answer: Answer) -> None:
    """Lists of one and objects; TGI, LMI, JumpStart's older containers, and OpenAI, with counts where they are."""
    assert answer == parse_answer(body)


@pytest.mark.parametrize(
    "body",
    [
        None, [], "hi", 3, {}, [{"text": "hi"}], [{"generated_text": "a"}, {"generated_text": "b"}],
        {"generated_text": None}, {"generation": {"role": "assistant"}}, {"choices": []}, {"choices": None},
        {"choices": [{"message": {"content": None}}]}, {"choices": ["hi"]},
    ],
)  # fmt: skip
def test_an_answer_without_a_text_is_not_retried(body: Any) -> None:
    """The error quotes the body in one line."""
    with pytest.raises(RequestError) as failure:
        parse_answer(body)
    assert not failure.value.retryable
    assert json.dumps(body) in str(failure.value)


def test_a_quoted_body_is_cut() -> None:
    """A page of HTML or a long list does not flood the log."""
    with pytest.raises(RequestError) as failure:
        parse_answer({"outputs": "a" * 5000})
    assert len(str(failure.value)) < 500


def prefilled(prefill: Any) -> Any:
    return [{"generated_text": "a", "details": {"finish_reason": "length", "generated_tokens": 1, "prefill": prefill}}]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (prefilled(PREFILL), -1.75),
        (prefilled(PREFILL)[0], -1.75),
        (prefilled([{"id": 1, "text": "a"}, {"id": 2, "text": "b", "log_prob": -2}]), -2.0),
        (prefilled([{"logprob": -9.0}, {"logprob": -1.0}]), -1.0),
        (prefilled(PREFILL[:1]), 0.0),
    ],
)
def test_the_probability_is_the_sum_over_the_tokens_after_the_first(body: Any, expected: float) -> None:
    """From TGI's list and from LMI's object; whatever a server returns for the first token, nothing is before it."""
    assert expected == parse_log_probability(body)


def test_the_probability_is_what_fmeval_takes_it_to_be() -> None:
    """JumpStart's metadata name this path, whose values FMEval sums; a null is none of them."""
    jmespath = pytest.importorskip("jmespath")
    body = prefilled(PREFILL)
    assert sum(jmespath.search("[0].details.prefill[*].logprob", body)) == parse_log_probability(body)


def test_the_probability_of_an_echoed_prompt_is_read() -> None:
    """In the form of OpenAI's completions: without the first token, and without the one that was generated."""
    assert -1.75 == parse_log_probability({"choices": [{"logprobs": {"token_logprobs": [None, -1.5, -0.25, -9.0]}}]})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        *((body, "ENABLE_PREFILL_LOGPROBS") for body in (
            None, [], "a", {}, [{"generated_text": "a"}], {"generated_text": "a", "details": None}, prefilled([]),
            prefilled(None), prefilled({}), prefilled(PREFILL) * 2,
        )),
        *(({"choices": choices}, "does not echo prompts") for choices in WITHOUT_ECHO),
        ({"choices": [{"logprobs": {"token_logprobs": [None, "a", -1.0]}}]}, "log-probability at"),
        *((prefilled([PREFILL[0], token]), "'details.prefill[1]'") for token in (
            None, "a", {}, {"logprob": None}, {"logprob": "-1"}, {"logprob": float("nan")}, {"logprob": float("-inf")},
            {"logprob": True},
        )),
    ],
)  # fmt: skip
def test_an_answer_without_the_probabilities_is_refused(body: Any, reason: str) -> None:
    """In one line with a hint or the token; a retry would not help."""
    with pytest.raises(RequestError) as failure:
        parse_log_probability(body)
    assert (False, True) == (failure.value.retryable, reason in str(failure.value))
    assert "\n" not in str(failure.value)


def chat(content: Any, reason: str = "stop", **message: Any) -> Any:
    return {"choices": [{"message": {"role": "assistant", "content": content, **message}, "finish_reason": reason}]}


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (chat([{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "hi"}]),
         Answer("hi", finish_reason="stop", reasoning="hm")),
        (chat(["a", {"type": "output_text", "text": "b"}, {"type": "image_url"}]), Answer("ab", finish_reason="stop")),
        (chat("hi", reasoning_content="hm"), Answer("hi", finish_reason="stop", reasoning="hm")),
        (chat(None), Answer("", finish_reason="stop")),
        (chat(None, reasoning="hm"), Answer("", finish_reason="stop", reasoning="hm")),
        ({"generated_text": "", "details": {"finish_reason": "length"}}, Answer("", finish_reason="length")),
        ({"generated_text": "a\ud83d", "details": {"generated_tokens": 10**400}}, Answer("a\ufffd")),
        ({"generated_text": "a", "details": {"generated_tokens": -1, "prompt_tokens": 2.5}}, Answer("a")),
        ({"generated_text": "a", "error": None, "message": ""}, Answer("a")),
    ],
)  # fmt: skip
def test_texts_are_found_in_parts_and_kept_apart_from_reasoning(body: Any, answer: Answer) -> None:
    """And repaired where they could not be stored."""
    assert answer == parse_answer(body)


@pytest.mark.parametrize(
    ("body", "retryable", "reason"),
    [
        (chat(None, "length", reasoning_content="hm"), False, "cut off at max_new_tokens while the model was reasoning"),
        (chat("", "length"), False, "raise max_new_tokens"),
        (chat(None, refusal="I cannot"), False, "the model refused to answer: I cannot"),
        (chat([{"type": "refusal", "refusal": "no"}]), False, "the model refused to answer: no"),
        (chat("", "content_filter"), False, "filter"),
        (chat("half", "error"), True, "failed while it answered"),
        ({"generated_text": "", "details": {"finish_reason": "error"}}, True, "failed while it answered"),
        ({"choices": [{"message": {"content": ""}, "finish_reason": "error", "error": {"code": 502, "message": "high demand"}}]},
         True, "high demand"),
        ({"error": "CUDA out of memory", "code": 424}, False, "CUDA out of memory"),
        ([{"error": "Model is overloaded", "error_type": "overloaded"}], True, "overloaded"),
        ({"object": "error", "message": "This model's maximum context length is 5", "code": 400}, False, "maximum context"),
        ({"detail": "Something happened"}, True, "Something happened"),
        ({"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}, True, "quota"),
    ],
)  # fmt: skip
def test_a_reply_without_an_answer_failed_for_now_or_for_good(body: Any, retryable: bool, reason: str) -> None:  # noqa: FBT001
    """By whose failure it is: the server's may pass, the candidate's own is an outcome."""
    with pytest.raises(RequestError) as failure:
        parse_answer(body)
    assert (retryable, True) == (failure.value.retryable, reason in str(failure.value))
