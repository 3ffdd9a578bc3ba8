"""The endpoint that answers at once."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from llmops_sdk.testing import InstantEndpoint, Refusal


@pytest.fixture(name="endpoint")
def _endpoint() -> Iterator[InstantEndpoint]:
    def answer(prompt: str) -> str:
        if prompt == "refuse":
            raise Refusal(429, "slow down", {"Retry-After": "3"})
        return prompt.upper()

    endpoint = InstantEndpoint(answer)
    yield endpoint
    endpoint.close()


def test_it_answers_texts_and_messages(endpoint: InstantEndpoint) -> None:
    """Its tokens are words, and it records its prompts."""
    text = httpx.post(endpoint.url, json={"inputs": "say it"}).json()
    chat = httpx.post(endpoint.url, json={"messages": [{"role": "user", "content": "again"}]}).json()

    assert "SAY IT" == text[0]["generated_text"]
    assert {"generated_tokens": 2, "prompt_tokens": 2, "finish_reason": "stop"} == text[0]["details"]
    assert "AGAIN" == chat[0]["generated_text"]
    assert ["say it", "again"] == endpoint.prompts


def test_it_makes_up_log_probabilities(endpoint: InstantEndpoint) -> None:
    """A word has a tenth of its length, negated; the first one has none."""
    request = {"inputs": "Say it again", "parameters": {"decoder_input_details": True}}

    prefill = httpx.post(endpoint.url, json=request).json()[0]["details"]["prefill"]

    assert [None, -0.2, -0.5] == [token["logprob"] for token in prefill]


def test_a_refusal_is_an_http_status(endpoint: InstantEndpoint) -> None:
    """With its reason and headers."""
    response = httpx.post(endpoint.url, json={"inputs": "refuse"})

    assert (429, "3", {"message": "slow down"}) == (
        response.status_code,
        response.headers["Retry-After"],
        response.json(),
    )
