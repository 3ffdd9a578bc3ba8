"""Request bodies: what each kind of server accepts."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_sdk.errors import RequestError
from llmops_sdk.steps.client.payloads import make_payload, make_scoring_payload
from llmops_sdk.values.generation_options import GenerationOptions, vary
from llmops_sdk.values.prompts import ChatPrompt, TextPrompt

TEXT = TextPrompt("Say hi", "never sent")
CHAT = ChatPrompt(({"role": "user", "content": "Say hi"},), "never sent")
GREEDY = GenerationOptions(max_new_tokens=5)
SAMPLED = GenerationOptions(max_new_tokens=5, temperature=0.7, top_p=0.9, stop=("\n", "END"), seed=3)


def test_a_greedy_text_asks_with_what_every_server_takes() -> None:
    """No temperature and no top_p: text generation servers refuse 0 and 1."""
    assert {
        "inputs": "Say hi",
        "parameters": {"max_new_tokens": 5, "do_sample": False, "return_full_text": False, "details": True},
    } == make_payload(TEXT, GREEDY)


def test_a_sampled_text_sends_all_that_decides_the_sample() -> None:
    """Temperature, nucleus, seed and stop strings."""
    assert {
        "inputs": "Say hi",
        "parameters": {
            "max_new_tokens": 5, "do_sample": True, "return_full_text": False, "details": True,
            "temperature": 0.7, "top_p": 0.9, "seed": 3, "stop": ["\n", "END"],
        },
    } == make_payload(TEXT, SAMPLED)  # fmt: skip


def test_a_chat_sends_its_messages() -> None:
    """In OpenAI's form, with the temperature always: chat servers sample without it."""
    assert {
        "messages": [{"role": "user", "content": "Say hi"}], "max_tokens": 5, "temperature": 0.0
    } == make_payload(CHAT, GREEDY)  # fmt: skip
    assert {
        "messages": [{"role": "user", "content": "Say hi"}], "max_tokens": 5, "temperature": 0.7, "top_p": 0.9,
        "seed": 3, "stop": ["\n", "END"],
    } == make_payload(CHAT, SAMPLED)  # fmt: skip


def test_the_probability_of_a_text_is_requested_in_tgis_form() -> None:
    """Servers return details of the prompt's tokens only with details of the answer."""
    assert {
        "inputs": "Say hi",
        "parameters": {
            "max_new_tokens": 1, "do_sample": False, "details": True, "decoder_input_details": True,
            "return_full_text": False,
        },
    } == make_scoring_payload(TEXT)  # fmt: skip


def test_a_chat_has_no_probability() -> None:
    """It is refused before any request."""
    with pytest.raises(RequestError, match="probability of a chat") as failure:
        make_scoring_payload(CHAT)
    assert not failure.value.retryable


def test_openais_apis_are_asked_in_their_own_forms() -> None:
    """A text is a message of the user for chats, and a prompt for completions, which take no chat."""
    options = {"max_tokens": 5, "temperature": 0.0}
    assert {"messages": [{"role": "user", "content": "Say hi"}], **options} == make_payload(TEXT, GREEDY, "chat")
    assert make_payload(CHAT, GREEDY) == make_payload(CHAT, GREEDY, "chat")
    assert {"prompt": "Say hi", **options} == make_payload(TEXT, GREEDY, "completions")
    with pytest.raises(RequestError, match="a chat cannot be asked by the completions API"):
        make_payload(CHAT, GREEDY, "completions")


def test_a_models_exceptions_change_its_requests() -> None:
    """An option that is left out, a field with another name, another value: in OpenAI's form and in TGI's."""
    varied = vary(
        SAMPLED, {"temperature": None, "seed": None, "max_tokens_field": "max_completion_tokens", "top_p": 0.5}
    )
    assert {
        "messages": [{"role": "user", "content": "Say hi"}], "max_completion_tokens": 5, "top_p": 0.5, "stop": ["\n", "END"]
    } == make_payload(CHAT, varied)  # fmt: skip
    assert {
        "max_new_tokens": 5, "do_sample": True, "return_full_text": False, "details": True, "top_p": 0.5, "stop": ["\n", "END"]
    } == make_payload(TEXT, varied)["parameters"]  # fmt: skip
    assert "max_tokens" not in make_payload(CHAT, vary(GREEDY, {"max_new_tokens": None}))


SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@pytest.mark.parametrize(
    ("given", "openai", "grammar"),
    [
        (SCHEMA, {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}, SCHEMA),
        (
            {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": SCHEMA}},
            {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": SCHEMA}},
            SCHEMA,
        ),
        ({"type": "json_object"}, {"type": "json_object"}, {"type": "object"}),
        ({"type": "text"}, {"type": "text"}, None),
    ],
)
def test_the_form_of_the_answer_is_passed_on(given: dict[str, Any], openai: dict[str, Any], grammar: Any) -> None:
    """A JSON schema alone or in OpenAI's form; text generation servers get it as their grammar."""
    generation = GenerationOptions(response_format=given)
    assert openai == make_payload(CHAT, generation)["response_format"]
    parameters = make_payload(TEXT, generation)["parameters"]
    assert ({"type": "json", "value": grammar} if grammar else None) == parameters.get("grammar")
    without = make_payload(TEXT, vary(generation, {"response_format": None}))["parameters"]
    assert "grammar" not in without


def test_the_probability_of_a_text_is_requested_from_completions() -> None:
    """As an echo of the prompt; a chat API has none."""
    assert {
        "prompt": "Say hi", "max_tokens": 1, "temperature": 0.0, "echo": True, "logprobs": 1
    } == make_scoring_payload(TEXT, "completions")  # fmt: skip
    with pytest.raises(RequestError, match="the chat API returns no probability"):
        make_scoring_payload(TEXT, "chat")
