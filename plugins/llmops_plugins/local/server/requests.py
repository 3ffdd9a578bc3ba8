"""The bodies the server understands, read strictly: what is misspelt or out of range is refused with what would be right.

Two families: `{"inputs", "parameters"}` of SageMaker's text generation containers, and OpenAI's chat and text completions.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from llmops_plugins.local.engine.engine import Request
from llmops_sdk.plugin import UserError

MOST_INPUTS = 256
"""Prompts in one request body at the most."""

_MOST_STOPS = 16
_MOST_TOKENS = 1 << 20
_MOST_SEED = (1 << 64) - 1
_HOTTEST = 100.0

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


class BadRequestError(UserError):
    """A body that cannot be answered.

    Attributes:
        status: The HTTP status.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@attrs.frozen
class Body:
    """A body as it was understood.

    Attributes:
        requests: One for each prompt in it.
        details: Whether the answer shall tell counts and reasons (SageMaker's form).
    """

    requests: tuple[Request, ...]
    details: bool = False


def parse_json(raw: bytes) -> Mapping[str, Any]:
    """Return a body's JSON object.

    Raises:
        BadRequestError: It is none.
    """
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as exc:
        message = f"the body is no JSON: {exc}" if raw.strip() else "the body is empty: send a JSON object"
        raise BadRequestError(message) from exc
    if not isinstance(body, dict):
        message = f"the body must be a JSON object, not {_kind(body)}"
        raise BadRequestError(message)
    return body


def parse_invocation(body: Mapping[str, Any]) -> Body:
    """Read `{"inputs", "parameters"}`.

    The parameters are those of TGI: `max_new_tokens`, `do_sample`, `temperature`, `top_p`, `seed`, `stop`,
    `return_full_text`, `details` (the answer has `details` with counts and the reason of its end), and
    `decoder_input_details` (those have in `prefill` the tokens of the prompt, each with its log-probability).

    Raises:
        BadRequestError: Names the field, what was found and what is allowed.
    """
    _check_names(body, ("inputs", "parameters"), "field")
    if "inputs" not in body:
        message = "the body has no 'inputs' (a text or a list of texts) and no 'messages'"
        raise BadRequestError(message)
    raw = body.get("parameters")
    parameters = _Fields({} if raw is None else raw, "parameters.")
    _check_names(parameters.fields, _PARAMETERS, "parameter")
    details, scores = bool(parameters.flag("details")), bool(parameters.flag("decoder_input_details"))
    if scores and not details:
        message = "'parameters.decoder_input_details' is true and 'parameters.details' is not: set both or neither"
        raise BadRequestError(message)
    sample = parameters.flag("do_sample")
    temperature = parameters.number("temperature", 0, _HOTTEST)
    if sample is None:
        sample = bool(temperature)
    if sample and temperature == 0:
        message = "'parameters.do_sample' is true and 'parameters.temperature' is 0: raise the one or drop the other"
        raise BadRequestError(message)
    prototype = Request(
        "",
        max_new_tokens=parameters.whole("max_new_tokens", 1, _MOST_TOKENS) or _default("max_new_tokens"),
        temperature=(1.0 if temperature is None else temperature) if sample else 0.0,
        top_p=parameters.share("top_p"),
        stop=parameters.texts("stop"),
        seed=parameters.whole("seed", 0, _MOST_SEED),
        return_full_text=bool(parameters.flag("return_full_text")),
        scores_prompt=scores,
    )
    prompts = _prompts(body["inputs"], "inputs")
    requests = tuple(attrs.evolve(prototype, prompt=prompt) for prompt in prompts)
    return Body(requests, details)


def parse_chat(body: Mapping[str, Any], model: str) -> Body:
    """Read a chat completion of OpenAI's form.

    Raises:
        BadRequestError: Names the field, what was found and what is allowed.
    """
    _check_names(body, _CHAT, "field")
    fields = _openai_fields(body, model)
    most = fields.whole("max_completion_tokens", 1, _MOST_TOKENS) or fields.whole("max_tokens", 1, _MOST_TOKENS)
    return Body((_openai_request(fields, _messages(body.get("messages")), most),))


def parse_completion(body: Mapping[str, Any], model: str) -> Body:
    """Read a text completion of OpenAI's form.

    Raises:
        BadRequestError: Names the field, what was found and what is allowed.
    """
    _check_names(body, _COMPLETION, "field")
    fields = _openai_fields(body, model)
    request = _openai_request(fields, "", fields.whole("max_tokens", 1, _MOST_TOKENS))
    request = attrs.evolve(request, return_full_text=bool(fields.flag("echo")))
    prompts = _prompts(body.get("prompt"), "prompt")
    return Body(tuple(attrs.evolve(request, prompt=prompt) for prompt in prompts))


def _openai_fields(body: Mapping[str, Any], model: str) -> _Fields:
    if body.get("model") not in (None, model):
        message = f"there is no model {body['model']!r} here: this is {model!r}"
        raise BadRequestError(message, 404)
    # Known to OpenAI's clients, and answered only at the value that changes nothing.
    for name, allowed in (
        ("stream", (False, None)), ("n", (1, None)), ("logprobs", (False, None, 0)), ("top_logprobs", (0, None)),
        ("frequency_penalty", (0, None)), ("presence_penalty", (0, None)),
    ):  # fmt: skip
        if body.get(name) not in allowed:
            message = f"{name!r} {body[name]!r} is not supported: leave it out"
            raise BadRequestError(message)
    return _Fields(body, "")


def _openai_request(fields: _Fields, prompt: str | list[dict[str, str]], most: int | None) -> Request:
    temperature = fields.number("temperature", 0, _HOTTEST)
    return Request(
        prompt,
        max_new_tokens=most or _default("max_new_tokens"),
        temperature=1.0 if temperature is None else temperature,  # as OpenAI's interface defines it
        top_p=fields.share("top_p"),
        stop=fields.texts("stop"),
        seed=fields.whole("seed", 0, _MOST_SEED),
    )


def _default(name: str) -> Any:
    return getattr(attrs.fields(Request), name).default


def _prompts(value: Any, name: str) -> list[str]:
    prompts = value if isinstance(value, list) else [value]
    if not prompts or len(prompts) > MOST_INPUTS:
        message = f"{name!r} must have 1 to {MOST_INPUTS} texts, not {len(prompts)}"
        raise BadRequestError(message)
    return [_text(prompt, name, blank=False) for prompt in prompts]


def _messages(value: Any) -> list[dict[str, str]]:
    if not isinstance(value, list) or not value:
        message = f"'messages' must be a list of objects with 'role' and 'content', not {_kind(value)}"
        raise BadRequestError(message)
    messages = []
    for place, item in enumerate(value):
        name = f"messages[{place}]"
        if not isinstance(item, dict) or set(item) - {"name"} != {"role", "content"}:
            message = f"'{name}' must be an object with 'role' and 'content' (texts)"
            raise BadRequestError(message)
        messages.append(
            {
                "role": _text(item["role"], f"{name}.role", blank=False),
                "content": _text(item["content"], f"{name}.content", blank=True),
            }
        )
    return messages


def _text(value: Any, name: str, *, blank: bool) -> str:
    if not isinstance(value, str):
        message = f"'{name}' must be text, not {_kind(value)}"
        raise BadRequestError(message)
    if not blank and not value.strip():
        message = f"'{name}' is empty"
        raise BadRequestError(message)
    if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        message = f"'{name}' has half of a surrogate pair, which is no character"
        raise BadRequestError(message)
    return value


def _check_names(fields: Mapping[str, Any], known: tuple[str, ...], what: str) -> None:
    for name in fields:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ";"
            message = f"unknown {what} {name!r}{hint} known: {', '.join(known)}"
            raise BadRequestError(message)


class _Fields:
    """Reads fields of an object; absent and null ones are None."""

    def __init__(self, fields: Any, prefix: str) -> None:
        if not isinstance(fields, dict):
            message = f"'{prefix.rstrip('.')}' must be an object, not {_kind(fields)}"
            raise BadRequestError(message)
        self.fields = fields
        self._prefix = prefix

    def flag(self, name: str) -> bool | None:
        """Read true or false."""
        found: bool | None = self._read(name, lambda value: isinstance(value, bool), "true or false")
        return found

    def whole(self, name: str, least: int, most: int) -> int | None:
        """Read a whole number in a range."""
        wanted = f"a whole number from {least} to {most}"
        found: int | None = self._read(name, lambda value: type(value) is int and least <= value <= most, wanted)
        return found

    def number(self, name: str, least: float, most: float) -> float | None:
        """Read a finite number in a range."""
        wanted = f"a number from {least:g} to {most:g}"
        found: float | None = self._read(name, lambda value: _is_number(value) and least <= value <= most, wanted)
        return found

    def share(self, name: str) -> float:
        """Read a number above 0 and not above 1; 1 where it is absent."""
        found = self._read(name, lambda value: _is_number(value) and 0 < value <= 1, "a number above 0, 1 at the most")
        return 1.0 if found is None else float(found)

    def texts(self, name: str) -> tuple[str, ...]:
        """Read a text or a list of texts, none of them empty."""
        value = self.fields.get(name)
        if value is None:
            return ()
        texts = value if isinstance(value, list) else [value]
        fits = len(texts) <= _MOST_STOPS and all(isinstance(text, str) and text for text in texts)
        if not fits:
            message = f"'{self._prefix}{name}' must be a text or up to {_MOST_STOPS} texts, none of them empty"
            raise BadRequestError(message)
        return tuple(_text(text, f"{self._prefix}{name}", blank=True) for text in texts)

    def _read(self, name: str, fits: Callable[[Any], bool], wanted: str) -> Any:
        value = self.fields.get(name)
        if value is None or fits(value):
            return value
        message = f"'{self._prefix}{name}' must be {wanted}, not {_show(value)}"
        raise BadRequestError(message)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _show(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else _kind(value)  # noqa: PLR2004 - as long as fits a line


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
