"""The request bodies of SageMaker's text generation containers, `{"inputs", "parameters"}`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from llmops_plugins.local.engine.request import GenerationRequest
from llmops_plugins.local.server.fields import BadRequestError, Fields, check_names, describe_type, read_text

MAX_INPUTS = 256
"""The most prompts in one request body."""

MAX_TOKENS = 1 << 20
MAX_SEED = (1 << 64) - 1
MAX_TEMPERATURE = 100.0

_PARAMETERS = (
    "max_new_tokens", "temperature", "top_p", "do_sample", "stop", "seed", "return_full_text", "details",
    "decoder_input_details",
)  # fmt: skip


@attrs.frozen
class Body:
    """A parsed body.

    Attributes:
        requests: One for each of its prompts.
        details: Whether the response includes token counts and the finish reason.
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
    temperature = parameters.number("temperature", 0, MAX_TEMPERATURE)
    if sample is None:
        sample = bool(temperature)
    if sample and temperature == 0:
        message = (
            "'parameters.do_sample' is true and 'parameters.temperature' is 0: raise the temperature or do not sample"
        )
        raise BadRequestError(message)
    prototype = GenerationRequest(
        "",
        max_new_tokens=parameters.integer("max_new_tokens", 1, MAX_TOKENS) or _default("max_new_tokens"),
        temperature=(1.0 if temperature is None else temperature) if sample else 0.0,
        top_p=parameters.probability("top_p"),
        stop=parameters.strings("stop"),
        seed=parameters.integer("seed", 0, MAX_SEED),
        return_full_text=bool(parameters.boolean("return_full_text")),
        scores_prompt=scores,
    )
    prompts = _prompts(body["inputs"])
    return Body(tuple(attrs.evolve(prototype, prompt=prompt) for prompt in prompts), details)


def check_count(prompts: Sequence[Any], name: str) -> None:
    """Refuse a body without prompts, or with too many.

    Raises:
        BadRequestError: Names the field and the limit.
    """
    if not prompts or len(prompts) > MAX_INPUTS:
        message = f"{name!r} must have 1 to {MAX_INPUTS} prompts, not {len(prompts)}"
        raise BadRequestError(message, field=name)


def _default(name: str) -> Any:
    return getattr(attrs.fields(GenerationRequest), name).default


def _prompts(value: Any) -> list[str]:
    prompts = value if isinstance(value, list) else [value]
    check_count(prompts, "inputs")
    return [read_text(prompt, "inputs", may_be_blank=False) for prompt in prompts]
