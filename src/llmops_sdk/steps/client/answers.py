"""Answers from the response bodies of the protocols that endpoints speak.

This is the one place that decides what a reply is, whole or joined from a stream: an answer, a failure for now
(retryable) or a failure for good.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import attrs

from llmops_sdk.errors import RequestError
from llmops_sdk.steps.client.endings import LENGTH, read_ending
from llmops_sdk.steps.client.reasoning import CUT
from llmops_sdk.steps.client.refusals import as_json, check_reply, shorten
from llmops_sdk.steps.client.replies import repaired
from llmops_sdk.steps.client.tool_calls import with_tool_calls
from llmops_sdk.values.answers import Answer

_MOST_TOKENS = 10**9
_REASONING = ("reasoning_content", "reasoning", "thinking")


def parse_answer(body: Any) -> Answer:
    """Read an answer: a list of one or an object, with `generated_text`, `generation`, or OpenAI's `choices`.

    Args:
        body: The answer's JSON.

    Raises:
        RequestError: It is no answer. Retryable if the server failed: an error in the body, or a text that the engine
            broke off. Not retryable if a filter stopped it, if `max_new_tokens` cut it off before the answer, or if it
            has none of these forms; the message then quotes it.
    """
    answer = body[0] if isinstance(body, list) and len(body) == 1 else body
    if isinstance(answer, Mapping):
        check_reply(answer)
        read_ending(answer.get("done_reason"), has_text=bool(answer.get("response") or answer.get("message")))
        reply = _parse_choices(answer) if "choices" in answer else _parse_generated(answer)
        if reply is not None:
            return cleaned(reply)
    message = (
        "the endpoint's answer has no text where 'generated_text', 'generation' or 'choices' would have it: "
        + shorten(as_json(body))
    )
    raise RequestError(message, retryable=False)


def cleaned(answer: Answer) -> Answer:
    """Return an answer that can be stored: no half surrogate pairs, and no counts that are no numbers of tokens."""
    return attrs.evolve(
        answer,
        output=repaired(answer.output),
        reasoning=repaired(answer.reasoning),
        model=repaired(answer.model),
        finish_reason=repaired(answer.finish_reason),
        prompt_tokens=_count(answer.prompt_tokens),
        output_tokens=_count(answer.output_tokens),
        reasoning_tokens=_count(answer.reasoning_tokens),
    )


def _parse_generated(answer: Mapping[str, Any]) -> Answer | None:
    text = answer.get("generated_text", answer.get("generation"))
    if isinstance(text, Mapping):  # Llama 2 chat: {"generation": {"role", "content"}}
        text = text.get("content")
    details = answer.get("details")
    details = details if isinstance(details, Mapping) else {}
    ending = read_ending(details.get("finish_reason"), has_text=bool(text))
    if not isinstance(text, str):
        return None
    prompt_tokens = _count(details.get("prompt_tokens"))
    if prompt_tokens is None and isinstance(details.get("prefill"), list):
        prompt_tokens = len(details["prefill"]) or None
    return Answer(text, prompt_tokens, _count(details.get("generated_tokens")), ending)


def _parse_choices(answer: Mapping[str, Any]) -> Answer | None:
    choices = answer["choices"]
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, Mapping):
        return None
    message = choice.get("message")
    is_chat = isinstance(message, Mapping)
    content = message.get("content") if isinstance(message, Mapping) else choice.get("text")
    if not isinstance(content, (str, list, type(None))):
        return None
    text, reasoning, refusal = _parts(content)
    if isinstance(message, Mapping):
        reasoning = next((value for name in _REASONING if isinstance(value := message.get(name), str)), "") or reasoning
        refusal = refusal or (message["refusal"] if isinstance(message.get("refusal"), str) else "")
        text = with_tool_calls(text, message)
    ending = read_ending(choice.get("finish_reason"), has_text=bool(text))
    if not text and refusal:
        error = f"the model refused to answer: {shorten(refusal)}"
        raise RequestError(error, retryable=False)
    if text is None and not ending and not reasoning:
        return None
    if not text and is_chat and ending == LENGTH:
        raise RequestError(CUT, retryable=False)
    usage = answer.get("usage")
    usage = usage if isinstance(usage, Mapping) else {}
    details = usage.get("completion_tokens_details")
    return Answer(
        text or "",
        _count(usage.get("prompt_tokens")),
        _count(usage.get("completion_tokens")),
        ending,
        model if isinstance(model := answer.get("model"), str) else "",
        reasoning=reasoning,
        reasoning_tokens=_count(details.get("reasoning_tokens")) if isinstance(details, Mapping) else None,
    )


def _parts(content: Any) -> tuple[str | None, str, str]:
    """Return the text, the reasoning and the refusal of a message's content, which is a text or a list of parts."""
    if not isinstance(content, list):
        return (content if isinstance(content, str) else None), "", ""
    texts: dict[str, list[str]] = {"text": [], "reasoning": [], "refusal": []}
    for part in content:
        kind, text = _part(part)
        texts[kind].append(text)
    return ("".join(texts["text"]) if content else None), "".join(texts["reasoning"]), "".join(texts["refusal"])


def _part(part: Any) -> tuple[str, str]:
    if isinstance(part, str):
        return "text", part
    if not isinstance(part, Mapping):
        return "text", ""
    kind = part.get("type", "text")
    if kind in ("text", "output_text"):
        return "text", _text(part.get("text"))
    if kind in ("thinking", "reasoning", "reasoning_text"):
        return "reasoning", "".join(map(_text, (part.get(name) for name in ("thinking", "reasoning", "text"))))
    return "refusal", _text(part.get("refusal")) if kind == "refusal" else ""


def _text(value: Any) -> str:
    """Return a text, or the texts of a list of parts; anything else has none."""
    if isinstance(value, list):
        return "".join(part if isinstance(part, str) else _string(part) for part in value)
    return value if isinstance(value, str) else ""


def _string(part: Any) -> str:
    text = part.get("text") if isinstance(part, Mapping) else ""
    return text if isinstance(text, str) else ""


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
    check_reply(answer)
    if isinstance(answer, Mapping) and "choices" in answer:
        return _echoed_log_probability(answer)
    details = answer.get("details") if isinstance(answer, Mapping) else None
    prefill = details.get("prefill") if isinstance(details, Mapping) else None
    if not isinstance(prefill, list) or not prefill:
        message = (
            "the endpoint's answer has no probabilities of the prompt's tokens ('details.prefill'): its server does "
            "not return them, or needs an option for it (TGI 3: ENABLE_PREFILL_LOGPROBS)"
        )
        raise RequestError(message, retryable=False)
    return math.fsum(_log_probability(token, place) for place, token in enumerate(prefill[1:], start=1))


def _echoed_log_probability(answer: Mapping[str, Any]) -> float:
    """Sum the log-probabilities of an echoed prompt, in the form of OpenAI's completions: `logprobs.token_logprobs`.

    The one token that was generated after it is the last.
    """
    choices = answer["choices"]
    choice = choices[0] if isinstance(choices, list) and choices else None
    logprobs = choice.get("logprobs") if isinstance(choice, Mapping) else None
    values = logprobs.get("token_logprobs") if isinstance(logprobs, Mapping) else None
    if not isinstance(values, list) or not values or values[0] is not None:
        message = (
            "the endpoint's answer has no probabilities of the prompt's tokens ('logprobs.token_logprobs', the first one "
            "null): its server does not echo prompts"
        )
        raise RequestError(message, retryable=False)
    return math.fsum(_log_probability({"logprob": value}, place) for place, value in enumerate(values[1:-1], start=1))


def _log_probability(token: Any, place: int) -> float:
    value: Any = token.get("logprob", token.get("log_prob")) if isinstance(token, Mapping) else None
    if type(value) in (int, float) and math.isfinite(value):
        return float(value)
    shown = shorten(as_json(token))
    message = f"the endpoint's answer has no log-probability at 'details.prefill[{place}]': {shown}"
    raise RequestError(message, retryable=False)


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < _MOST_TOKENS else None
