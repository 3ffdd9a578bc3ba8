from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("uvicorn")

from .running import NAME, PROMPTS, RunningServer


def test_chat_completions_have_openais_form(server: RunningServer) -> None:
    """Message, reason and usage."""
    body = {"model": NAME, "messages": [{"role": "user", "content": PROMPTS[1]}], "max_tokens": 5, "temperature": 0}
    response = server.client.post("/v1/chat/completions", json=body).json()
    (choice,) = response["choices"]
    assert ("chat.completion", NAME, "length", "assistant") == (
        response["object"], response["model"], choice["finish_reason"], choice["message"]["role"]
    )  # fmt: skip
    usage = response["usage"]
    assert (5, usage["prompt_tokens"] + 5) == (usage["completion_tokens"], usage["total_tokens"])


def test_text_completions_have_openais_form(server: RunningServer) -> None:
    """A list of prompts gives one choice each; `echo` puts the prompt before it."""
    body = {"prompt": list(PROMPTS[:2]), "max_tokens": 4, "temperature": 0, "echo": True}
    response = server.client.post("/v1/completions", json=body).json()
    plain = server.invoke(list(PROMPTS[:2]), max_new_tokens=4, return_full_text=True)
    assert [item["generated_text"] for item in plain] == [choice["text"] for choice in response["choices"]]
    assert 8 == response["usage"]["completion_tokens"]
