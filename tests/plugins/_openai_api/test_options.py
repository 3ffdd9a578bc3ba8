"""Options of requests, which models behind a URL and those that a run serves have alike."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_plugins._openai_api.options import RequestOptions, refuse_chats
from llmops_sdk import SpecError
from llmops_sdk.plugin import ChatTemplate, Endpoint, TextTemplate


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"extra_body": {"messages": []}}, "extra_body cannot have 'messages'"),
        ({"extra_body": {"x": float("nan")}}, "not valid JSON"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"requests_per_minute": 0}, "requests_per_minute"),
        ({"timeout": 0}, "timeout"),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, Any], message: str) -> None:
    """With its name."""
    with pytest.raises(ValueError, match=message):
        RequestOptions(**options)


def test_an_endpoint_gets_the_limits_and_the_model_of_every_request() -> None:
    """A field of `extra_body` is sent too; what the endpoint has stays."""
    options = RequestOptions(max_concurrency=2, tokens_per_minute=9, extra_body={"top_k": 1}, opens_reasoning=True)
    endpoint = options.with_limits(Endpoint("here", url="http://127.0.0.1:1/v1/completions"), model="m")
    expected = Endpoint(
        "here",
        url="http://127.0.0.1:1/v1/completions",
        concurrency=2,
        extra_body={"model": "m", "top_k": 1},
        tokens_per_minute=9,
        opens_reasoning=True,
    )
    assert expected == endpoint


def test_a_chat_is_refused_by_its_name() -> None:
    """A text passes."""
    text = TextTemplate("{instruction}")
    refuse_chats({"text": text})
    chat = ChatTemplate(({"role": "user", "content": "{instruction}"},))
    with pytest.raises(SpecError, match="the prompt 'talk' is a chat"):
        refuse_chats({"text": text, "talk": chat})
