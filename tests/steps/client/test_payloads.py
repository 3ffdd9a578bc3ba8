"""Request bodies: what each kind of server accepts."""

from __future__ import annotations

import pytest

from llmops_sdk.errors import RequestError
from llmops_sdk.steps.client.payloads import make_payload, make_scoring_payload
from llmops_sdk.values.generation_options import GenerationOptions
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
