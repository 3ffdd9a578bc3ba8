"""Requests to Bedrock: what is sent, what is answered, and what each error means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from llmops_plugins.bedrock.transport import BedrockTransport
from llmops_sdk import GenerationOptions
from llmops_sdk.plugin import Answered, Question, RequestError, TextPrompt, Unanswered, ask

from .bedrock_server import MODEL, BedrockServer, Refused, reply

PROMPT, OPTIONS = TextPrompt("Say hello"), GenerationOptions(max_new_tokens=8)


def test_a_request(connect: Callable[..., BedrockTransport], bedrock: BedrockServer) -> None:
    """It names the model in its path and is signed for Bedrock."""
    assert "SAY HELLO" == connect().send(PROMPT, OPTIONS).output
    assert [MODEL] == [request["modelId"] for request in bedrock.requests]
    assert {"bedrock"} == bedrock.signed_for


def test_an_arn_names_a_model_too(connect: Callable[..., BedrockTransport], bedrock: BedrockServer) -> None:
    """Slashes in it are escaped."""
    arn = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc123"

    connect(arn).send(PROMPT, OPTIONS)

    assert arn == bedrock.requests[0]["modelId"]


def test_throttling_is_retried_by_the_core_alone(
    connect: Callable[..., BedrockTransport], bedrock: BedrockServer
) -> None:
    """With the wait that Bedrock asks for; boto3 repeats nothing."""
    refusals = [
        Refused("ThrottlingException", "slow", {"Retry-After": "0"}),
        Refused("ServiceUnavailableException", "busy"),
    ]

    def answer(_: Any) -> dict[str, Any]:
        if refusals:
            raise refusals.pop(0)
        return reply("Hi")

    bedrock.answer = answer
    transport = connect()
    with pytest.raises(RequestError) as caught:
        transport.send(PROMPT, OPTIONS)
    assert (True, 0.0, 1) == (caught.value.retryable, caught.value.retry_after, len(bedrock.requests))

    (outcome,) = ask(transport, iter([Question(0, PROMPT)]), OPTIONS, concurrency=1)

    assert isinstance(outcome, Answered)
    assert 3 == len(bedrock.requests)


def test_a_guardrail_decides_its_own_record_only(
    connect: Callable[..., BedrockTransport], bedrock: BedrockServer
) -> None:
    """The record is unanswered for good, and the others are answered."""

    def answer(request: Any) -> dict[str, Any]:
        is_bad = "bad" in request["messages"][0]["content"][0]["text"]
        return reply("No.", stop="guardrail_intervened") if is_bad else reply("Hi")

    bedrock.answer = answer
    questions = [Question(0, TextPrompt("bad")), Question(1, TextPrompt("good"))]

    outcomes = list(ask(connect(), iter(questions), OPTIONS, concurrency=1))

    assert Unanswered(0, "the answer was stopped by a guardrail") == outcomes[0]
    assert isinstance(outcomes[1], Answered)


def test_log_probabilities_are_not_available(connect: Callable[..., BedrockTransport]) -> None:
    """Converse returns none."""
    with pytest.raises(RequestError, match="returns no log-probabilities"):
        connect().log_probability(PROMPT)
