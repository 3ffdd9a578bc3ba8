"""The response bodies of SageMaker's text generation containers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmops_plugins.local.engine.request import Completion


def invocation_body(completions: Sequence[Completion], *, details: bool) -> list[dict[str, Any]]:
    """Return what SageMaker's text generation containers return: one item for each input."""
    return [
        {
            "generated_text": completion.prompt_text + completion.text,
            **({"details": _details(completion)} if details else {}),
        }
        for completion in completions
    ]


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
