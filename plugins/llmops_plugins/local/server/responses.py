"""The response bodies: completions in SageMaker's form and in OpenAI's."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import Any

from llmops_plugins.local.engine.request import Completion


def invocation_body(completions: Sequence[Completion], *, details: bool) -> list[dict[str, Any]]:
    """Return what SageMaker's text generation containers return: one item for each input."""
    return [
        {"generated_text": completion.text, **({"details": _details(completion)} if details else {})}
        for completion in completions
    ]


def chat_body(model: str, completion: Completion) -> dict[str, Any]:
    """Return an OpenAI chat completion."""
    message = {"role": "assistant", "content": completion.text}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": completion.finish_reason}
    return _openai_body(model, "chat.completion", [choice], [completion])


def completion_body(model: str, completions: Sequence[Completion]) -> dict[str, Any]:
    """Return an OpenAI text completion, with one choice for each prompt."""
    choices = [
        {"index": index, "text": completion.text, "logprobs": None, "finish_reason": completion.finish_reason}
        for index, completion in enumerate(completions)
    ]
    return _openai_body(model, "text_completion", choices, completions)


def _details(completion: Completion) -> dict[str, Any]:
    details: dict[str, Any] = {
        "finish_reason": completion.finish_reason,
        "generated_tokens": completion.output_tokens,
        "prompt_tokens": completion.prompt_tokens,
    }
    if completion.prompt:
        details["prefill"] = [
            {"id": token.id, "text": token.text, "logprob": token.log_probability} for token in completion.prompt
        ]
    return details


def _openai_body(
    model: str, kind: str, choices: list[dict[str, Any]], completions: Sequence[Completion]
) -> dict[str, Any]:
    prompt_tokens = sum(completion.prompt_tokens for completion in completions)
    output_tokens = sum(completion.output_tokens for completion in completions)
    return {
        "id": f"{'chatcmpl' if kind == 'chat.completion' else 'cmpl'}-{secrets.token_hex(12)}",
        "object": kind,
        "created": int(time.time()),
        "model": model,
        "choices": choices,
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": output_tokens,
            "total_tokens": prompt_tokens + output_tokens,
        },
    }
