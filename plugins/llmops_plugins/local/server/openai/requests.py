"""The request bodies of OpenAI's chat and text completions: each becomes generation requests, or an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from llmops_plugins.local.engine.request import GenerationRequest, TokenPrompt
from llmops_plugins.local.server.fields import BadRequestError, Fields, check_names, describe_type, read_text
from llmops_plugins.local.server.requests import MAX_SEED, MAX_TEMPERATURE, MAX_TOKENS, check_count

_MAX_LOGPROBS = 20
_COMPLETION_TOKENS = 16
"""OpenAI's default for the length of a text completion."""

_COMMON = (
    "model", "max_tokens", "temperature", "top_p", "stop", "seed", "stream", "stream_options", "logprobs", "n",
    "frequency_penalty", "presence_penalty", "logit_bias", "user", "metadata", "store", "service_tier",
)  # fmt: skip
_CHAT = (
    "messages", "max_completion_tokens", "top_logprobs", "tools", "tool_choice", "parallel_tool_calls",
    "response_format", *_COMMON,
)  # fmt: skip
_COMPLETION = ("prompt", "echo", "suffix", "best_of", *_COMMON)

_WITHOUT_EFFECT: Mapping[str, tuple[Any, ...]] = {
    "n": (1,),
    "best_of": (1,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
    "suffix": ("",),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "response_format": ({"type": "text"},),
}
"""Fields that clients send and that are not supported: the values that change nothing, besides null."""


@attrs.frozen
class Body:
    """A parsed body.

    Attributes:
        requests: One for each of its prompts.
        streams: Whether the completions are sent while they are generated.
        streams_usage: Whether the stream ends with the token counts.
    """

    requests: tuple[GenerationRequest, ...]
    streams: bool = False
    streams_usage: bool = False


def parse_chat(body: Mapping[str, Any], model: str) -> Body:
    """Parse a chat completion.

    Args:
        body: The JSON object.
        model: The one model of this server.

    Raises:
        BadRequestError: Names the field, its value and what is allowed.
    """
    check_names(body, _CHAT, "field")
    fields = _check_fields(body, model)
    limit = fields.integer("max_completion_tokens", 1, MAX_TOKENS) or fields.integer("max_tokens", 1, MAX_TOKENS)
    scores, alternatives = bool(fields.boolean("logprobs")), fields.integer("top_logprobs", 0, _MAX_LOGPROBS) or 0
    if alternatives and not scores:
        message = "'top_logprobs' needs 'logprobs': true"
        raise BadRequestError(message, field="top_logprobs")
    request = attrs.evolve(
        _request(fields),
        prompt=_messages(body.get("messages")),
        max_new_tokens=limit,
        scores_tokens=scores,
        alternatives=alternatives,
    )
    return _body((request,), fields)


def parse_completion(body: Mapping[str, Any], model: str) -> Body:
    """Parse a text completion.

    Args:
        body: The JSON object.
        model: The one model of this server.

    Raises:
        BadRequestError: Names the field, its value and what is allowed.
    """
    check_names(body, _COMPLETION, "field")
    fields = _check_fields(body, model)
    limit = fields.integer("max_tokens", 0, MAX_TOKENS)
    echo, logprobs = bool(fields.boolean("echo")), fields.integer("logprobs", 0, _MAX_LOGPROBS)
    if echo and fields.boolean("stream"):
        message = "'echo' is not supported with 'stream': leave one of them out"
        raise BadRequestError(message, field="echo", code="unsupported_value")
    request = attrs.evolve(
        _request(fields),
        max_new_tokens=_COMPLETION_TOKENS if limit is None else limit,
        return_full_text=echo,
        scores_prompt=echo and logprobs is not None,
        scores_tokens=logprobs is not None,
        alternatives=logprobs or 0,
    )
    return _body(tuple(attrs.evolve(request, prompt=prompt) for prompt in _prompts(body.get("prompt"))), fields)


def _check_fields(body: Mapping[str, Any], model: str) -> Fields:
    if body.get("model") not in (None, model):
        message = f"this server has no model {body['model']!r}, only {model!r}"
        raise BadRequestError(message, 404, field="model", code="model_not_found")
    for name, allowed in _WITHOUT_EFFECT.items():
        value = body.get(name)
        if value is not None and value not in allowed:
            message = f"{name!r} {value!r} is not supported: leave it out"
            raise BadRequestError(message, field=name, code="unsupported_value")
    return Fields(body, "")


def _request(fields: Fields) -> GenerationRequest:
    temperature = fields.number("temperature", 0, MAX_TEMPERATURE)
    return GenerationRequest(
        "",
        temperature=1.0 if temperature is None else temperature,  # OpenAI's default
        top_p=fields.probability("top_p"),
        stop=fields.strings("stop"),
        seed=fields.integer("seed", 0, MAX_SEED),
    )


def _body(requests: tuple[GenerationRequest, ...], fields: Fields) -> Body:
    streams, options = bool(fields.boolean("stream")), fields.values.get("stream_options")
    if options is not None and not streams:
        message = "'stream_options' needs 'stream': true"
        raise BadRequestError(message, field="stream_options")
    usage = Fields({} if options is None else options, "stream_options.").boolean("include_usage")
    return Body(requests, streams, bool(usage))


def _prompts(value: Any) -> list[str | TokenPrompt]:
    """Read a text, a list of texts, a list of tokens, or a list of lists of tokens."""
    if not isinstance(value, list) or (value and type(value[0]) is int):
        value = [value]
    check_count(value, "prompt")
    return [_tokens(item) if isinstance(item, list) else read_text(item, "prompt", may_be_blank=True) for item in value]


def _tokens(value: list[Any]) -> TokenPrompt:
    if not all(type(token) is int and token >= 0 for token in value):
        message = "'prompt' must be a text, a list of texts, or lists of tokens, which are whole numbers from 0"
        raise BadRequestError(message, field="prompt")
    return TokenPrompt(tuple(value))


def _messages(value: Any) -> list[dict[str, str]]:
    if not isinstance(value, list) or not value:
        message = f"'messages' must be a list of objects with 'role' and 'content', not {describe_type(value)}"
        raise BadRequestError(message, field="messages")
    return [_message(item, f"messages[{number}]") for number, item in enumerate(value)]


def _message(item: Any, name: str) -> dict[str, str]:
    if not isinstance(item, dict) or not {"role", "content"} <= set(item):
        message = f"'{name}' must be an object with 'role' and 'content' (texts)"
        raise BadRequestError(message, field=name)
    for key in item.keys() - {"role", "content", "name"}:
        if item[key]:
            message = f"'{name}.{key}' is not supported: a message has 'role' and 'content'"
            raise BadRequestError(message, field=f"{name}.{key}")
    role = read_text(item["role"], f"{name}.role", may_be_blank=False)
    # OpenAI's newer models call the system's turn so; chat templates do not know the name.
    return {
        "role": "system" if role == "developer" else role,
        "content": _content(item["content"], f"{name}.content"),
    }


def _content(value: Any, name: str) -> str:
    """Read a text, or a list of parts that are all texts."""
    if not isinstance(value, list):
        return read_text(value, name, may_be_blank=True)
    texts = []
    for number, part in enumerate(value):
        if not isinstance(part, dict) or part.get("type") != "text":
            kind = repr(part["type"]) if isinstance(part, dict) and "type" in part else describe_type(part)
            message = f"'{name}[{number}]' must be a part of the type 'text', not {kind}: the model reads only text"
            raise BadRequestError(message, field=f"{name}[{number}]")
        texts.append(read_text(part.get("text"), f"{name}[{number}].text", may_be_blank=True))
    return "".join(texts)
