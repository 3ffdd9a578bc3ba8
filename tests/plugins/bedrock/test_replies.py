"""The answer in a reply: text, reasoning, tokens, and why there is none."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_plugins.bedrock.replies import parse_reply
from llmops_sdk.plugin import Answer, RequestError

from .bedrock_server import reply

THOUGHT = {"reasoningContent": {"reasoningText": {"text": "France?", "signature": "x"}}}


def test_a_text_with_its_tokens() -> None:
    """The reason to end is in the project's words."""
    assert Answer("Hi", prompt_tokens=5, output_tokens=3, finish_reason="stop") == parse_reply(reply("Hi"))
    assert "length" == parse_reply(reply("Hi", stop="max_tokens")).finish_reason


def test_reasoning_is_kept_apart() -> None:
    """Text blocks are joined, also those with citations."""
    cited = {"citationsContent": {"content": [{"text": " is the city"}], "citations": []}}

    answer = parse_reply(reply(content=[THOUGHT, {"text": "Paris"}, cited]))

    assert ("Paris is the city", "France?") == (answer.output, answer.reasoning)


def test_cached_tokens_of_the_prompt_count() -> None:
    """Bedrock counts them apart."""
    usage = {"inputTokens": 5, "outputTokens": 3, "totalTokens": 108, "cacheReadInputTokens": 100}

    assert 105 == parse_reply({**reply(), "usage": usage}).prompt_tokens


def test_a_prompt_router_names_the_model() -> None:
    """The model that answered is recorded."""
    router = {"promptRouter": {"invokedModelId": "arn:aws:bedrock:us-east-1::foundation-model/x.y"}}

    assert "arn:aws:bedrock:us-east-1::foundation-model/x.y" == parse_reply(reply(trace=router)).model


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            reply("Sorry", stop="guardrail_intervened", trace={"guardrail": {"actionReason": "Guardrail blocked."}}),
            "the answer was stopped by a guardrail: Guardrail blocked.",
        ),
        (reply("Sorry", stop="guardrail_intervened"), "the answer was stopped by a guardrail"),
        (
            reply("", stop="content_filtered"),
            "the answer was stopped by a filter or refused (finish_reason 'content_filtered')",
        ),
        (
            reply(content=[{"toolUse": {"toolUseId": "a", "name": "b", "input": {}}}], stop="tool_use"),
            "the model called a tool, and the reply has neither the call nor a text (finish_reason 'tool_use')",
        ),
        (
            reply(content=[THOUGHT], stop="max_tokens"),
            "the answer was cut off at max_new_tokens while the model was reasoning: raise max_new_tokens",
        ),
        (
            reply(content=[], stop="max_tokens"),
            "the answer was cut off at max_new_tokens before it had a text: raise max_new_tokens",
        ),
    ],
)
def test_a_reply_without_an_answer(given: dict[str, Any], message: str) -> None:
    """It is the candidate's own outcome: asked again, it would be the same."""
    with pytest.raises(RequestError) as caught:
        parse_reply(given)
    assert (message, False) == (str(caught.value), caught.value.retryable)
