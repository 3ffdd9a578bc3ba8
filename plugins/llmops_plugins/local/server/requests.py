"""The request bodies that the server accepts: each becomes generation requests, or an error that names the field.

Two families: `{"inputs", "parameters"}` of SageMaker's text generation containers, and OpenAI's chat and text completions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from llmops_plugins.local.engine.request import GenerationRequest
from llmops_plugins.local.server.fields import BadRequestError, Fields, check_names, describe_type, read_text

MAX_INPUTS = 256
"""The most prompts in one request body."""

_MAX_TOKENS = 1 << 20
_MAX_SEED = (1 << 64) - 1
_MAX_TEMPERATURE = 100.0

_PARAMETERS = (
    "max_new_tokens", "temperature", "top_p", "do_sample", "stop", "seed", "return_full_text", "details",
    "decoder_input_details",
)  # fmt: skip
_COMMON = (
    "model", "max_tokens", "temperature", "top_p", "stop", "seed", "n", "stream", "user", "logprobs",
    "frequency_penalty", "presence_penalty",
)  # fmt: skip
_CHAT = ("messages", "max_completion_tokens", "top_logprobs", *_COMMON)
_COMPLETION = ("prompt", "echo", *_COMMON)


@attrs.frozen
class Body:
    """A parsed body.

    Attributes:
        requests: One for each of its prompts.
        details: Whether the response includes token counts and the finish reason (SageMaker's form).
    """

    requests: tuple[GenerationRequest, ...]
    details: bool = False


def parse_json(raw: bytes) -> Mapping[str, Any]:
    """Return a body's JSON object.

    Raises:
        BadRequestError: It is not a JSON object.
    """
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as exc:
        message = f"the body is not JSON: {exc}" if raw.strip() else "the body is empty: send a JSON object"
        raise BadRequestError(message) from exc
    if not isinstance(body, dict):
        message = f"the body must be a JSON object, not {describe_type(body)}"
        raise BadRequestError(message)
    return body


def parse_invocation(body: Mapping[str, Any]) -> Body:
    """Parse `{"inputs", "parameters"}`.

    The parameters are those of TGI: `max_new_tokens`, `do_sample`, `temperature`, `top_p`, `seed`, `stop`,
    `return_full_text`, `details` (the response then has `details` with token counts and the finish reason), and
    `decoder_input_details` (the details then have in `prefill` the prompt's tokens, each with its log-probability).

    Raises:
        BadRequestError: Names the field, its value and what is allowed.
    """
    check_names(body, ("inputs", "parameters"), "field")
    if "inputs" not in body:
        message = "the body has no 'inputs' (a text or a list of texts) and no 'messages'"
        raise BadRequestError(message)
    values = body.get("parameters")
    parameters = Fields({} if values is None else values, "parameters.")
    check_names(parameters.values, _PARAMETERS, "parameter")
    details, scores = bool(parameters.boolean("details")), bool(parameters.boolean("decoder_input_details"))
    if scores and not details:
        message = "'parameters.decoder_input_details' is true and 'parameters.details' is not: set both or neither"
        raise BadRequestError(message)
    sample = parameters.boolean("do_sample")
    temperature = parameters.number("temperature", 0, _MAX_TEMPERATURE)
    if sample is None:
        sample = bool(temperature)
    if sample and temperature == 0:
        message = (
            "'parameters.do_sample' is true and 'parameters.temperature' is 0: raise the temperature or do not sample"
        )
        raise BadRequestError(message)
    prototype = GenerationRequest(
        "",
        max_new_tokens=parameters.integer("max_new_tokens", 1, _MAX_TOKENS) or _default("max_new_tokens"),
        temperature=(1.0 if temperature is None else temperature) if sample else 0.0,
        top_p=parameters.probability("top_p"),
        stop=parameters.strings("stop"),
        seed=parameters.integer("seed", 0, _MAX_SEED),
        return_full_text=bool(parameters.boolean("return_full_text")),
        scores_prompt=scores,
    )
    prompts = _prompts(body["inputs"], "inputs")
    requests = tuple(attrs.evolve(prototype, prompt=prompt) for prompt in prompts)
    return Body(requests, details)


def parse_chat(body: Mapping[str, Any], model: str) -> Body:
    """Parse an OpenAI chat completion.

    Raises:
        BadRequestError: Names the field, its value and what is allowed.
    """
    check_names(body, _CHAT, "field")
    fields = _openai_fields(body, model)
    most = fields.integer("max_completion_tokens", 1, _MAX_TOKENS) or fields.integer("max_tokens", 1, _MAX_TOKENS)
    return Body((_openai_request(fields, _messages(body.get("messages")), most),))


def parse_completion(body: Mapping[str, Any], model: str) -> Body:
    """Parse an OpenAI text completion.

    Raises:
        BadRequestError: Names the field, its value and what is allowed.
    """
    check_names(body, _COMPLETION, "field")
    fields = _openai_fields(body, model)
    request = _openai_request(fields, "", fields.integer("max_tokens", 1, _MAX_TOKENS))
    request = attrs.evolve(request, return_full_text=bool(fields.boolean("echo")))
    prompts = _prompts(body.get("prompt"), "prompt")
    return Body(tuple(attrs.evolve(request, prompt=prompt) for prompt in prompts))


def _openai_fields(body: Mapping[str, Any], model: str) -> Fields:
    if body.get("model") not in (None, model):
        message = f"this server has no model {body['model']!r}, only {model!r}"
        raise BadRequestError(message, 404)
    # OpenAI's clients send these; they are accepted only with the value that has no effect.
    for name, allowed in (
        ("stream", (False, None)), ("n", (1, None)), ("logprobs", (False, None, 0)), ("top_logprobs", (0, None)),
        ("frequency_penalty", (0, None)), ("presence_penalty", (0, None)),
    ):  # fmt: skip
        if body.get(name) not in allowed:
            message = f"{name!r} {body[name]!r} is not supported: leave it out"
            raise BadRequestError(message)
    return Fields(body, "")


def _openai_request(fields: Fields, prompt: str | list[dict[str, str]], most: int | None) -> GenerationRequest:
    temperature = fields.number("temperature", 0, _MAX_TEMPERATURE)
    return GenerationRequest(
        prompt,
        max_new_tokens=most or _default("max_new_tokens"),
        temperature=1.0 if temperature is None else temperature,  # OpenAI's default
        top_p=fields.probability("top_p"),
        stop=fields.strings("stop"),
        seed=fields.integer("seed", 0, _MAX_SEED),
    )


def _default(name: str) -> Any:
    return getattr(attrs.fields(GenerationRequest), name).default


def _prompts(value: Any, name: str) -> list[str]:
    prompts = value if isinstance(value, list) else [value]
    if not prompts or len(prompts) > MAX_INPUTS:
        message = f"{name!r} must have 1 to {MAX_INPUTS} texts, not {len(prompts)}"
        raise BadRequestError(message)
    return [read_text(prompt, name, may_be_blank=False) for prompt in prompts]


def _messages(value: Any) -> list[dict[str, str]]:
    if not isinstance(value, list) or not value:
        message = f"'messages' must be a list of objects with 'role' and 'content', not {describe_type(value)}"
        raise BadRequestError(message)
    messages = []
    for number, item in enumerate(value):
        name = f"messages[{number}]"
        if not isinstance(item, dict) or set(item) - {"name"} != {"role", "content"}:
            message = f"'{name}' must be an object with 'role' and 'content' (texts)"
            raise BadRequestError(message)
        messages.append(
            {
                "role": read_text(item["role"], f"{name}.role", may_be_blank=False),
                "content": read_text(item["content"], f"{name}.content", may_be_blank=True),
            }
        )
    return messages
