"""The request of Converse: messages, generation options, and the model's own fields."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from llmops_plugins.bedrock.options import BedrockOptions
from llmops_plugins.bedrock.requests import converse_request
from llmops_plugins.bedrock.transport import BedrockTransport
from llmops_sdk.plugin import ChatPrompt, GenerationOptions, RequestError, TextPrompt
from llmops_sdk.values.generation_options import vary

from .bedrock_server import MODEL, BedrockServer

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
PROMPT = TextPrompt("Say hello")


def test_a_text_is_one_message_of_the_user() -> None:
    """Greedy decoding is temperature 0; the seed has no field."""
    request = converse_request(MODEL, PROMPT, GenerationOptions(max_new_tokens=8, seed=7), BedrockOptions())

    assert {
        "modelId": MODEL,
        "messages": [{"role": "user", "content": [{"text": "Say hello"}]}],
        "inferenceConfig": {"maxTokens": 8, "temperature": 0.0},
    } == request


def test_a_chat_has_system_texts_and_alternating_roles() -> None:
    """Two messages of one role in a row become the parts of one."""
    chat = ChatPrompt(
        (
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "A text."},
            {"role": "user", "content": "What is it?"},
            {"role": "assistant", "content": "A text."},
            {"role": "user", "content": "Sure?"},
        )
    )

    request = converse_request(MODEL, chat, GenerationOptions(), BedrockOptions())

    assert [{"text": "Be brief."}] == request["system"]
    assert [
        {"role": "user", "content": [{"text": "A text."}, {"text": "What is it?"}]},
        {"role": "assistant", "content": [{"text": "A text."}]},
        {"role": "user", "content": [{"text": "Sure?"}]},
    ] == request["messages"]


def test_botocores_model_accepts_everything_that_is_sent(
    connect: Callable[..., BedrockTransport], bedrock: BedrockServer
) -> None:
    """Sampling, stop strings, a JSON schema, fields of the model, and a guardrail."""
    generation = GenerationOptions(temperature=0.5, top_p=0.9, stop=("END",), response_format=SCHEMA)

    connect(additional_fields={"top_k": 20}, guardrail="abc123:DRAFT").send(PROMPT, generation)

    (request,) = bedrock.requests
    assert {"maxTokens": 128, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]} == request["inferenceConfig"]
    assert {"top_k": 20} == request["additionalModelRequestFields"]
    guardrail = {"guardrailIdentifier": "abc123", "guardrailVersion": "DRAFT", "trace": "enabled"}
    assert guardrail == request["guardrailConfig"]
    text_format = request["outputConfig"]["textFormat"]
    assert ("json_schema", SCHEMA) == (
        text_format["type"],
        json.loads(text_format["structure"]["jsonSchema"]["schema"]),
    )


def test_exceptions_of_a_model_leave_options_out() -> None:
    """As `varies: {temperature: null, response_format: null}` says."""
    generation = vary(
        GenerationOptions(temperature=0.5, top_p=0.9, response_format=SCHEMA),
        {"temperature": None, "response_format": None},
    )

    request = converse_request(MODEL, PROMPT, generation, BedrockOptions())

    assert {"maxTokens": 128, "topP": 0.9} == request["inferenceConfig"]
    assert "outputConfig" not in request


@pytest.mark.parametrize(
    ("response_format", "schema"),
    [
        ({"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA}}, SCHEMA),
        ({"type": "text"}, None),
    ],
)
def test_response_formats_of_openai(response_format: dict[str, object], schema: object) -> None:
    """A schema is taken out of its envelope; plain text needs nothing."""
    request = converse_request(MODEL, PROMPT, GenerationOptions(response_format=response_format), BedrockOptions())

    found = (
        request.get("outputConfig", {}).get("textFormat", {}).get("structure", {}).get("jsonSchema", {}).get("schema")
    )
    assert schema == (json.loads(found) if found else None)


def test_json_without_a_schema_is_refused() -> None:
    """Converse has no such format: every request would be without it."""
    with pytest.raises(
        RequestError, match=r"takes a JSON schema as response_format, and no \{type: json_object\}"
    ) as caught:
        converse_request(MODEL, PROMPT, GenerationOptions(response_format={"type": "json_object"}), BedrockOptions())
    assert caught.value.refuses_all
