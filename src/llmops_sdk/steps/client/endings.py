"""Why a text ended: servers' many words for it, and which of them mean that there is no answer."""

from __future__ import annotations

import re

from llmops_sdk.errors import RequestError

STOP, LENGTH = "stop", "length"

_STOPPED = frozenset(
    {"stop", "eos_token", "eos", "stop_sequence", "end_turn", "complete", "completed", "finished", "done"}
)
_CUT = frozenset({
    "length", "max_tokens", "max_token", "max_length", "max_new_tokens", "max_output_tokens", "model_length",
    "model_context_window_exceeded",
})  # fmt: skip
_CALLED = frozenset({"tool_calls", "tool_call", "tool_use", "function_call"})

# The engine, or what is around it, stopped the answer: the model did not. Asking again may get it.
_FAILED = re.compile(
    r"error|fail|abort|cancel|time.?out|timed|overload|load|unavailable|insufficient|exhausted|interrupt|preempt|evict"
    r"|disconnect|rate.?limit|quota|throttl|shut|incomplete",
)
# The candidate's own outcome, as much as a text: asked again, it would be filtered or refused again.
_FILTERED = re.compile(r"filter|safety|block|prohibit|guardrail|recitation|moderat|sensitive|polic|spii|refus")


def read_ending(reason: object, *, has_text: bool) -> str:
    """Return why a text ended: `stop`, `length`, empty where it is not reported, or the server's own word.

    Args:
        reason: As the server gave it.
        has_text: Whether there is a text, or a tool call.

    Raises:
        RequestError: There is no answer. Retryable if the engine failed (`error`, `abort`, `load`, `overloaded`); not
            if a filter or a refusal ended it, or if the model called a tool and the reply lacks the call.
    """
    if not isinstance(reason, str) or not reason.strip():
        return ""
    word = reason.strip().lower()
    if word in _STOPPED:
        return STOP
    if word in _CUT:
        return LENGTH
    if _FILTERED.search(word):
        message = f"the answer was stopped by a filter or refused (finish_reason {reason[:80]!r})"
        raise RequestError(message, retryable=False)
    if _FAILED.search(word):
        message = f"the endpoint failed while it answered (finish_reason {reason[:80]!r})"
        raise RequestError(message, retryable=True)
    if word in _CALLED and not has_text:
        message = (
            f"the model called a tool, and the reply has neither the call nor a text (finish_reason {reason[:80]!r})"
        )
        raise RequestError(message, retryable=False)
    return reason[:80]
