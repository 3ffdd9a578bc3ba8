"""The answer in a reply of Bedrock's Converse API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmops_sdk.plugin import Answer, RequestError, read_ending

_CUT = "length"
_FILTERED = "guardrail_intervened"


def parse_reply(reply: Mapping[str, Any]) -> Answer:
    """Return the answer of a reply: its text, its reasoning apart, its tokens, and why it ended.

    Raises:
        RequestError: There is no answer: a guardrail or a filter stopped it, the model called a tool, or
            `max_new_tokens` cut it off before the answer. Not retryable.
    """
    blocks = reply.get("output", {}).get("message", {}).get("content", [])
    text = "".join(map(_text, blocks))
    reasoning = "".join(map(_reasoning, blocks))
    reason = reply.get("stopReason")
    if reason == _FILTERED:
        message = f"the answer was stopped by a guardrail{_why(reply)}"
        raise RequestError(message, retryable=False)
    ending = read_ending(reason, has_text=bool(text))
    if not text and ending == _CUT:
        cause = "while the model was reasoning" if _has_reasoning(blocks) else "before it had a text"
        message = f"the answer was cut off at max_new_tokens {cause}: raise max_new_tokens"
        raise RequestError(message, retryable=False)
    usage = reply.get("usage", {})
    cached = (usage.get(name) or 0 for name in ("cacheReadInputTokens", "cacheWriteInputTokens"))
    prompt_tokens = usage.get("inputTokens")
    router = reply.get("trace", {}).get("promptRouter", {})
    return Answer(
        output=text,
        prompt_tokens=None if prompt_tokens is None else prompt_tokens + sum(cached),
        output_tokens=usage.get("outputTokens"),
        finish_reason=ending,
        model=router.get("invokedModelId", ""),
        reasoning=reasoning,
    )


def _text(block: Mapping[str, Any]) -> str:
    """Return the text of a block, also of one with citations."""
    if "citationsContent" in block:
        return "".join(part.get("text", "") for part in block["citationsContent"].get("content", []))
    return str(block.get("text", ""))


def _reasoning(block: Mapping[str, Any]) -> str:
    text: str = block.get("reasoningContent", {}).get("reasoningText", {}).get("text", "")
    return text


def _has_reasoning(blocks: list[Mapping[str, Any]]) -> bool:
    """Return whether there is reasoning, also if the provider keeps it to itself."""
    return any("reasoningContent" in block for block in blocks)


def _why(reply: Mapping[str, Any]) -> str:
    reason = reply.get("trace", {}).get("guardrail", {}).get("actionReason", "")
    return f": {reason}" if reason else ""
