"""Request and response bodies of the protocols that endpoints speak."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from llmops_sdk.errors import RequestError
from llmops_sdk.values.answers import Answer
from llmops_sdk.values.generation_options import GenerationOptions
from llmops_sdk.values.prompts import ChatPrompt, Prompt

_SHOWN = 300

# Beside all of 5xx. 424 is SageMaker's "the container answered with an error": the container's own status decides.
_TRANSIENT = frozenset({408, 425, 429})
_MODEL_ERROR = 424
_SERVER_ERROR = 500

_STOPPED = frozenset({"stop", "eos_token", "stop_sequence", "end_turn"})


def make_payload(prompt: Prompt, generation: GenerationOptions) -> dict[str, Any]:
    """Return the JSON body that asks a prompt.

    What is at its neutral value is left out, since some servers refuse it (`temperature` 0, `top_p` 1).

    >>> from llmops_sdk.values.data import TextPrompt
    >>> make_payload(TextPrompt("Hi", ""), GenerationOptions(max_new_tokens=8))["inputs"]
    'Hi'
    """
    if isinstance(prompt, ChatPrompt):
        chat = {
            "messages": [dict(message) for message in prompt.messages],
            "max_tokens": generation.max_new_tokens,
            # Without it, chat servers sample.
            "temperature": generation.temperature,
        }
        return {**chat, **_sampling(generation), **_stop(generation)}
    parameters: dict[str, Any] = {
        "max_new_tokens": generation.max_new_tokens,
        "do_sample": generation.temperature > 0,
        "return_full_text": False,
        "details": True,
    }
    if generation.temperature > 0:
        parameters["temperature"] = generation.temperature
    return {"inputs": prompt.text, "parameters": {**parameters, **_sampling(generation), **_stop(generation)}}


def _sampling(generation: GenerationOptions) -> dict[str, Any]:
    if generation.temperature == 0:
        return {}
    return {"seed": generation.seed, **({"top_p": generation.top_p} if generation.top_p < 1 else {})}


def _stop(generation: GenerationOptions) -> dict[str, Any]:
    return {"stop": list(generation.stop)} if generation.stop else {}


def parse_answer(body: Any) -> Answer:
    """Read an answer: a list of one or an object, with `generated_text`, `generation`, or OpenAI's `choices`.

    Args:
        body: The answer's JSON.

    Raises:
        RequestError: It is none of these; not retryable. The message has what came.
    """
    answer = body[0] if isinstance(body, list) and len(body) == 1 else body
    if isinstance(answer, Mapping):
        reply = _parse_choices(answer) if "choices" in answer else _parse_generated(answer)
        if reply is not None:
            return reply
    message = (
        "the endpoint's answer has no text where 'generated_text', 'generation' or 'choices' would have it: "
        + clip(json.dumps(body, ensure_ascii=False))
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


def make_scoring_payload(prompt: Prompt) -> dict[str, Any]:
    """Return the JSON body that asks for the log-probabilities of a prompt's own tokens, in TGI's form.

    One token is generated besides, since servers generate at least one.

    >>> from llmops_sdk.values.data import TextPrompt
    >>> make_scoring_payload(TextPrompt("A text.", ""))["parameters"]["decoder_input_details"]
    True

    Raises:
        RequestError: The prompt is a chat: it has no text whose probability could be told.
    """
    if isinstance(prompt, ChatPrompt):
        message = "the probability of a chat cannot be asked: only that of a text prompt"
        raise RequestError(message, retryable=False)
    parameters = {
        "max_new_tokens": 1,
        "do_sample": False,
        "details": True,
        "decoder_input_details": True,
        "return_full_text": False,
    }
    return {"inputs": prompt.text, "parameters": parameters}


def parse_log_probability(body: Any) -> float:
    """Read the log-probability of a prompt's text: the sum over its tokens after the first, by natural logarithm.

    It is read from `details.prefill`, one object for each token, whose `logprob` (TGI) or `log_prob` (LMI) is the
    logarithm of the token's probability after those before it. The first one has no probability (null): it is the
    tokenizer's start token, where there is one, else the text's own first token. A text of one token gives 0.

    The number is the one that FMEval 1.2.3 takes: its JumpStart extractor sums what JumpStart's metadata of a model
    name as `input_logprobs`, `[0].details.prefill[*].logprob` for those that have it, and that path leaves out nulls.
    Where the list is empty, FMEval's sum is 0; here that is refused.

    Args:
        body: The answer's JSON.

    Raises:
        RequestError: It has none, or one that is no finite number; not retryable.
    """
    answer = body[0] if isinstance(body, list) and len(body) == 1 else body
    details = answer.get("details") if isinstance(answer, Mapping) else None
    prefill = details.get("prefill") if isinstance(details, Mapping) else None
    if not isinstance(prefill, list) or not prefill:
        message = (
            "the endpoint's answer has no probabilities of the prompt's tokens ('details.prefill'): its server cannot "
            "tell them, or must be started so that it does (TGI 3: ENABLE_PREFILL_LOGPROBS)"
        )
        raise RequestError(message, retryable=False)
    return math.fsum(_log_probability(token, place) for place, token in enumerate(prefill[1:], start=1))


def _log_probability(token: Any, place: int) -> float:
    value: Any = token.get("logprob", token.get("log_prob")) if isinstance(token, Mapping) else None
    if type(value) in (int, float) and math.isfinite(value):
        return float(value)
    shown = clip(json.dumps(token, ensure_ascii=False))
    message = f"the endpoint's answer has no log-probability at 'details.prefill[{place}]': {shown}"
    raise RequestError(message, retryable=False)


def _count(value: Any) -> int | None:
    return value if type(value) is int else None


def _reason(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    return "stop" if value in _STOPPED else value


def error_message(status: int, body: Any) -> str:
    """Return in one line why a server refused, from the JSON (or text) of the shapes model servers use.

    >>> error_message(400, {"error": {"message": "no such model", "type": "invalid_request_error"}})
    'no such model'
    """
    reason = body
    if isinstance(body, Mapping):
        keys = ("OriginalMessage", "Message", "message", "error", "detail", "errorMessage")
        reason = next((body[key] for key in keys if body.get(key)), body)
        if isinstance(reason, Mapping):
            reason = reason.get("message", reason)
    text = reason if isinstance(reason, str) else json.dumps(reason, ensure_ascii=False)
    return clip(text) or f"HTTP status {status}, without a reason"


def is_transient(status: int, body: Any) -> bool:
    """Tell whether the same request may succeed later, from the status and SageMaker's `OriginalStatusCode`."""
    if status == _MODEL_ERROR and isinstance(body, Mapping):
        original = body.get("OriginalStatusCode")
        return isinstance(original, int) and is_transient(original, None)
    return status in _TRANSIENT or status >= _SERVER_ERROR


def clip(text: str) -> str:
    """Return a text, cut to what a message may show of it."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[:_SHOWN] + "..."
