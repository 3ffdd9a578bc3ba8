"""The request that asks a prompt, in the form of Bedrock's Converse API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from llmops_plugins.bedrock.options import BedrockOptions
from llmops_sdk.plugin import ChatPrompt, GenerationOptions, Prompt, RequestError, VariedOptions


def converse_request(
    model: str, prompt: Prompt, generation: GenerationOptions, options: BedrockOptions
) -> dict[str, Any]:
    """Return the arguments of a call of Converse.

    A text is one message of the user. Messages in a row of one role are parts of one message, since models of Bedrock
    want roles that alternate. Converse has no field for `seed`: a model that takes one gets it by `additional_fields`.

    Raises:
        RequestError: The generation options ask for something that Converse has no field for; of every request alike.
    """
    request: dict[str, Any] = {"modelId": model, "messages": _messages(prompt)}
    system = _system(prompt)
    if system:
        request["system"] = system
    request["inferenceConfig"] = _inference(generation)
    output = _output(generation)
    if output:
        request["outputConfig"] = output
    if options.additional_fields:
        request["additionalModelRequestFields"] = dict(options.additional_fields)
    if options.guardrail:
        identifier, _, version = options.guardrail.rpartition(":")
        request["guardrailConfig"] = {
            "guardrailIdentifier": identifier,
            "guardrailVersion": version,
            "trace": "enabled",
        }
    return request


def _messages(prompt: Prompt) -> list[dict[str, Any]]:
    if not isinstance(prompt, ChatPrompt):
        return [{"role": "user", "content": [{"text": prompt.text}]}]
    messages: list[dict[str, Any]] = []
    for message in prompt.messages:
        if message["role"] == "system":
            continue
        if messages and messages[-1]["role"] == message["role"]:
            messages[-1]["content"].append({"text": message["content"]})
        else:
            messages.append({"role": message["role"], "content": [{"text": message["content"]}]})
    return messages


def _system(prompt: Prompt) -> list[dict[str, str]]:
    if not isinstance(prompt, ChatPrompt):
        return []
    return [{"text": message["content"]} for message in prompt.messages if message["role"] == "system"]


def _inference(generation: GenerationOptions) -> dict[str, Any]:
    left_out = generation.left_out if isinstance(generation, VariedOptions) else frozenset()
    fields: dict[str, tuple[str, Any]] = {
        "max_new_tokens": ("maxTokens", generation.max_new_tokens),
        "temperature": ("temperature", generation.temperature),
    }
    if generation.temperature > 0 and generation.top_p < 1:
        fields["top_p"] = ("topP", generation.top_p)
    if generation.stop:
        fields["stop"] = ("stopSequences", list(generation.stop))
    return dict(field for option, field in fields.items() if option not in left_out)


def _output(generation: GenerationOptions) -> dict[str, Any]:
    form = generation.response_format
    if form is None or (isinstance(generation, VariedOptions) and "response_format" in generation.left_out):
        return {}
    kind = form.get("type")
    if kind == "text":
        return {}
    schema: Any = form
    if kind == "json_schema" and isinstance(form.get("json_schema"), Mapping):
        schema = form["json_schema"].get("schema")
    if kind == "json_object" or not isinstance(schema, Mapping):
        message = f"Bedrock takes a JSON schema as response_format, and no {{type: {kind}}}"
        raise RequestError(message, retryable=False, refuses_all=True)
    structure = {"jsonSchema": {"schema": json.dumps(dict(schema)), "name": "answer"}}
    return {"textFormat": {"type": "json_schema", "structure": structure}}
