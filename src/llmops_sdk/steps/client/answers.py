"""Answers from the response bodies of the protocols that endpoints speak."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from llmops_sdk.errors import RequestError
from llmops_sdk.steps.client.refusals import shorten
from llmops_sdk.values.answers import Answer

_STOPPED = frozenset({"stop", "eos_token", "stop_sequence", "end_turn"})


def parse_answer(body: Any) -> Answer:
    """Read an answer: a list of one or an object, with `generated_text`, `generation`, or OpenAI's `choices`.

    Args:
        body: The answer's JSON.

    Raises:
        RequestError: It is none of these; not retryable. The message quotes it.
    """
    answer = body[0] if isinstance(body, list) and len(body) == 1 else body
    if isinstance(answer, Mapping):
        reply = _parse_choices(answer) if "choices" in answer else _parse_generated(answer)
        if reply is not None:
            return reply
    message = (
        "the endpoint's answer has no text where 'generated_text', 'generation' or 'choices' would have it: "
        + shorten(json.dumps(body, ensure_ascii=False))
    )
    raise RequestError(message, retryable=False)


def _parse_generated(answer: Mapping[str, Any]) -> Answer | None:
    text = answer.get("generated_text", answer.get("generation"))
    if isinstance(text, Mapping):  # Llama 2 chat: {"generation": {"role", "content"}}
        text = text.get("content")
    if not isinstance(text, str):
        return None
    details = answer.get("details")
    if not isinstance(details, Mapping):
        return Answer(text)
    prompt_tokens = _count(details.get("prompt_tokens"))
    if prompt_tokens is None and isinstance(details.get("prefill"), list):
        prompt_tokens = len(details["prefill"]) or None
    return Answer(text, prompt_tokens, _count(details.get("generated_tokens")), _reason(details.get("finish_reason")))


def _parse_choices(answer: Mapping[str, Any]) -> Answer | None:
    choices = answer["choices"]
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, Mapping):
        return None
    message = choice.get("message")
    text = message.get("content") if isinstance(message, Mapping) else choice.get("text")
    if not isinstance(text, str):
        return None
    usage = answer.get("usage")
    usage = usage if isinstance(usage, Mapping) else {}
    return Answer(
        text,
        _count(usage.get("prompt_tokens")),
        _count(usage.get("completion_tokens")),
        _reason(choice.get("finish_reason")),
        model if isinstance(model := answer.get("model"), str) else "",
    )


def parse_log_probability(body: Any) -> float:
    """Read the log-probability of a prompt's text: the sum over its tokens after the first, by natural logarithm.

    It is read from `details.prefill`, one object for each token, whose `logprob` (TGI) or `log_prob` (LMI) is the
    logarithm of the token's probability after those before it. The first one has no probability (null): it is the
    tokenizer's start token, if it has one, else the text's own first token. A text of one token gives 0.

    The number is the one that FMEval 1.2.3 takes: its JumpStart extractor sums what JumpStart's metadata of a model
    name as `input_logprobs`, `[0].details.prefill[*].logprob` for those that have it, and that path leaves out nulls.
    If the list is empty, FMEval's sum is 0; here that is refused.

    Args:
        body: The answer's JSON.

    Raises:
        RequestError: It has none, or one that is not a finite number; not retryable.
    """
    answer = body[0] if isinstance(body, list) and len(body) == 1 else body
    details = answer.get("details") if isinstance(answer, Mapping) else None
    prefill = details.get("prefill") if isinstance(details, Mapping) else None
    if not isinstance(prefill, list) or not prefill:
        message = (
            "the endpoint's answer has no probabilities of the prompt's tokens ('details.prefill'): its server does "
            "not return them, or needs an option for it (TGI 3: ENABLE_PREFILL_LOGPROBS)"
        )
        raise RequestError(message, retryable=False)
    return math.fsum(_log_probability(token, place) for place, token in enumerate(prefill[1:], start=1))


def _log_probability(token: Any, place: int) -> float:
    value: Any = token.get("logprob", token.get("log_prob")) if isinstance(token, Mapping) else None
    if type(value) in (int, float) and math.isfinite(value):
        return float(value)
    shown = shorten(json.dumps(token, ensure_ascii=False))
    message = f"the endpoint's answer has no log-probability at 'details.prefill[{place}]': {shown}"
    raise RequestError(message, retryable=False)


def _count(value: Any) -> int | None:
    return value if type(value) is int else None


def _reason(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    return "stop" if value in _STOPPED else value
