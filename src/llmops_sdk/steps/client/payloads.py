"""Request bodies of the protocols that endpoints speak."""

from __future__ import annotations

from typing import Any

from llmops_sdk.errors import RequestError
from llmops_sdk.values.generation_options import GenerationOptions
from llmops_sdk.values.prompts import ChatPrompt, Prompt


def make_payload(prompt: Prompt, generation: GenerationOptions) -> dict[str, Any]:
    """Return the JSON body that asks a prompt.

    Neutral values are left out, since some servers refuse them (`temperature` 0, `top_p` 1).

    >>> from llmops_sdk.values.prompts import TextPrompt
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


def make_scoring_payload(prompt: Prompt) -> dict[str, Any]:
    """Return the JSON body that asks for the log-probabilities of a prompt's own tokens, in TGI's form.

    One token is generated too, since servers generate at least one.

    >>> from llmops_sdk.values.prompts import TextPrompt
    >>> make_scoring_payload(TextPrompt("A text.", ""))["parameters"]["decoder_input_details"]
    True

    Raises:
        RequestError: The prompt is a chat: it has no text to take the probability of.
    """
    if isinstance(prompt, ChatPrompt):
        message = "the probability of a chat cannot be requested, only that of a text prompt"
        raise RequestError(message, retryable=False)
    parameters = {
        "max_new_tokens": 1,
        "do_sample": False,
        "details": True,
        "decoder_input_details": True,
        "return_full_text": False,
    }
    return {"inputs": prompt.text, "parameters": parameters}
