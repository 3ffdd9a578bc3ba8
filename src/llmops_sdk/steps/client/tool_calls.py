"""Tool calls of OpenAI's chat API as text: what a model called is its answer, where it was offered tools."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def with_tool_calls(text: str | None, message: Mapping[str, Any]) -> str | None:
    r"""Return a message's text with its tool calls.

    Calls alone are a JSON list of objects with `name` and `arguments`. After a text, each stands in `<tool_call>` tags on a
    line of its own, as the chat templates of Hermes and Qwen write them. Arguments that are no JSON stay a text.

    >>> call = {"function": {"name": "find", "arguments": '{"city": "Rome"}'}}
    >>> with_tool_calls(None, {"tool_calls": [call]})
    '[{"name": "find", "arguments": {"city": "Rome"}}]'
    >>> with_tool_calls("Let me see.", {"tool_calls": [call]})
    'Let me see.\n<tool_call>{"name": "find", "arguments": {"city": "Rome"}}</tool_call>'

    Args:
        text: The message's text, or None.
        message: The message; `function_call`, the older form of one call, counts too.
    """
    calls = list(_calls(message))
    if not calls:
        return text
    if not text or not text.strip():
        return _as_json(calls)
    return "\n".join([text, *(f"<tool_call>{_as_json(call)}</tool_call>" for call in calls)])


def _calls(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    listed = message.get("tool_calls")
    functions = (
        [call.get("function") for call in listed if isinstance(call, Mapping)] if isinstance(listed, list) else []
    )
    for function in [*functions, message.get("function_call")]:
        if isinstance(function, Mapping) and isinstance(function.get("name"), str) and function["name"]:
            yield {"name": function["name"], "arguments": _arguments(function.get("arguments"))}


def _arguments(value: Any) -> Any:
    if not isinstance(value, str):
        return {} if value is None else value
    try:
        return json.loads(value, parse_constant=_refuse) if value.strip() else {}
    except (ValueError, RecursionError):
        return value


def _refuse(name: str) -> Any:
    raise ValueError(name)


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
