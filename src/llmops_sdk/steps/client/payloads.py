"""Request bodies of the protocols that endpoints speak."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmops_sdk.errors import RequestError
from llmops_sdk.values.generation_options import GenerationOptions, VariedOptions
from llmops_sdk.values.prompts import ChatPrompt, Prompt, TextPrompt

CHAT, COMPLETIONS = "chat", "completions"
"""The APIs of OpenAI's servers, as `Endpoint.api` names them."""

_FORMATS = ("json_schema", "json_object", "text", "grammar", "structural_tag")
"""The types of a `response_format` in OpenAI's form, and of what servers add to them; anything else is a JSON schema."""


_UNVARIED = VariedOptions()


def make_payload(prompt: Prompt, generation: GenerationOptions, api: str = "") -> dict[str, Any]:
    """Return the JSON body that asks a prompt.

    Neutral values are left out, since some servers refuse them (`temperature` 0, `top_p` 1); so is what a model's
    exceptions leave out.

    >>> from llmops_sdk.values.prompts import TextPrompt
    >>> make_payload(TextPrompt("Hi", ""), GenerationOptions(max_new_tokens=8))["inputs"]
    'Hi'

    Args:
        prompt: The prompt. A text is one message of the user for the API `chat`.
        generation: How to answer.
        api: `chat` or `completions`; empty for the form that fits the prompt, see `Endpoint.api`.

    Raises:
        RequestError: A chat cannot be asked by `completions`; not retryable.
    """
    if api == COMPLETIONS:
        error = "a chat cannot be asked by the completions API, only a text prompt"
        return {"prompt": _text_of(prompt, error), **_openai_options(generation)}
    if isinstance(prompt, ChatPrompt):
        return {"messages": [dict(message) for message in prompt.messages], **_openai_options(generation)}
    if api == CHAT:
        return {"messages": [{"role": "user", "content": prompt.text}], **_openai_options(generation)}
    return {"inputs": prompt.text, "parameters": _tgi_options(generation)}


def make_scoring_payload(prompt: Prompt, api: str = "") -> dict[str, Any]:
    """Return the JSON body that asks for the log-probabilities of a prompt's own tokens: in TGI's form, or by `completions`.

    One token is generated too, since servers generate at least one.

    >>> from llmops_sdk.values.prompts import TextPrompt
    >>> make_scoring_payload(TextPrompt("A text.", ""))["parameters"]["decoder_input_details"]
    True

    Raises:
        RequestError: The prompt is a chat, or the API is: there is no text to take the probability of.
    """
    text = _text_of(prompt, "the probability of a chat cannot be requested, only that of a text prompt")
    if api == CHAT:
        message = "the chat API returns no probability of a prompt's text; ask a base model by the API 'completions'"
        raise RequestError(message, retryable=False)
    if api == COMPLETIONS:
        return {"prompt": text, "max_tokens": 1, "temperature": 0.0, "echo": True, "logprobs": 1}
    parameters = {
        "max_new_tokens": 1,
        "do_sample": False,
        "details": True,
        "decoder_input_details": True,
        "return_full_text": False,
    }
    return {"inputs": text, "parameters": parameters}


def _text_of(prompt: Prompt, error: str) -> str:
    if isinstance(prompt, TextPrompt):
        return prompt.text
    raise RequestError(error, retryable=False)


def _openai_options(generation: GenerationOptions) -> dict[str, Any]:
    varied = generation if isinstance(generation, VariedOptions) else _UNVARIED
    options: dict[str, Any] = {
        varied.max_tokens_field or "max_tokens": generation.max_new_tokens,
        # Without it, chat servers sample.
        "temperature": generation.temperature,
        **_sampling(generation),
        **({"stop": list(generation.stop)} if generation.stop else {}),
    }
    if generation.response_format is not None:
        options["response_format"] = _openai_format(generation.response_format)
    left_out = {"max_tokens" if name == "max_new_tokens" else name for name in varied.left_out}
    return {name: value for name, value in options.items() if name not in left_out}


def _openai_format(response_format: Mapping[str, Any]) -> dict[str, Any]:
    if response_format.get("type") in _FORMATS:
        return dict(response_format)
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": dict(response_format)}}


def _tgi_options(generation: GenerationOptions) -> dict[str, Any]:
    options: dict[str, Any] = {
        "max_new_tokens": generation.max_new_tokens,
        "do_sample": generation.temperature > 0,
        "return_full_text": False,
        "details": True,
        **({"temperature": generation.temperature} if generation.temperature > 0 else {}),
        **_sampling(generation),
        **({"stop": list(generation.stop)} if generation.stop else {}),
    }
    schema = _schema_of(generation.response_format)
    if schema is not None:
        options["grammar"] = {"type": "json", "value": schema}
    left_out = generation.left_out if isinstance(generation, VariedOptions) else frozenset()
    left_out |= {"grammar"} if "response_format" in left_out else set()
    return {name: value for name, value in options.items() if name not in left_out}


def _schema_of(response_format: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the JSON schema that a response format asks for, or None where it asks for none."""
    if response_format is None:
        return None
    kind = response_format.get("type")
    if kind == "json_schema":
        schema: Mapping[str, Any] = response_format.get("json_schema", {}).get("schema", {"type": "object"})
        return schema
    if kind == "json_object":
        return {"type": "object"}
    return None if kind in _FORMATS else response_format


def _sampling(generation: GenerationOptions) -> dict[str, Any]:
    if generation.temperature == 0:
        return {}
    return {"seed": generation.seed, **({"top_p": generation.top_p} if generation.top_p < 1 else {})}
