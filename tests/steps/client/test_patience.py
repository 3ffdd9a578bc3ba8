"""Waiting in vain has a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmops_sdk.steps.client.client import Question, ask
from llmops_sdk.steps.client.http.transport import HttpTransport
from llmops_sdk.steps.client.patience import Patience
from llmops_sdk.testing import InstantEndpoint, Refusal
from llmops_sdk.values.answers import Answered, Pending
from llmops_sdk.values.generation_options import GenerationOptions
from llmops_sdk.values.prompts import TextPrompt
from llmops_sdk.values.resources import Endpoint

if TYPE_CHECKING:
    import pytest


def test_only_waits_in_vain_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that throttles and then answers is waited for; one that never answers soon is not."""
    monkeypatch.setattr("llmops_sdk.steps.client.client.ATTEMPTS", 3)
    monkeypatch.setattr("llmops_sdk.steps.client.client.LONGEST_WAIT", 0.02)
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        number = int(prompt.split()[1])
        if number % 2 == 0 or asked.count(prompt) < 2:
            raise Refusal(429, "busy", {"Retry-After": "999999"})
        return prompt

    endpoint = InstantEndpoint(answer)
    transport = HttpTransport(Endpoint("test", url=endpoint.url))
    questions = (Question(index, TextPrompt(f"line {index}", "")) for index in range(4))
    patience = Patience(0.05)
    try:
        outcomes = list(ask(transport, questions, GenerationOptions(), concurrency=1, patience=patience))
    finally:
        transport.close()
        endpoint.close()

    assert [Pending, Answered, Pending, Pending] == [type(outcome) for outcome in outcomes]
    assert [3, 2, 3, 1] == [asked.count(f"line {number}") for number in range(4)]
    assert patience.is_spent
