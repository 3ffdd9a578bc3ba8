r"""Tool calls: in the forms in which models and servers write them.

OpenAI's chat API has `{"type": "function", "function": {"name": ..., "arguments": "<JSON>"}}`; its Responses API and the
chat templates of Hermes, Qwen and others have `{"name": ..., "arguments": {...}}`, the latter each within `<tool_call>`;
Llama 3 writes `parameters`, and Anthropic `{"type": "tool_use", "name": ..., "input": {...}}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from llmops_plugins.metrics.answers import UnreadableAnswerError, shown
from llmops_plugins.metrics.structured.json_text import equal, parse_json, read_json

_ARGUMENTS = ("arguments", "parameters", "input", "args")
_TAGGED = re.compile(r"<tool_call>\s*(.*?)\s*(?:</tool_call>|\Z)", re.DOTALL)


@attrs.frozen
class Call:
    """One tool call.

    Attributes:
        name: The tool.
        arguments: A JSON object.
    """

    name: str
    arguments: Mapping[str, Any]

    def is_same(self, other: Call) -> bool:
        """Return whether both call the same tool with the same arguments, as JSON compares them."""
        return self.name == other.name and equal(dict(self.arguments), dict(other.arguments))


def calls_in(output: str) -> list[Call]:
    """Return the tool calls in a text, which may be JSON or have `<tool_call>` tags; a text without any has none.

    >>> calls_in('<tool_call>{"name": "find", "arguments": {"city": "Rome"}}</tool_call>')
    [Call(name='find', arguments={'city': 'Rome'})]
    >>> calls_in("It is sunny in Rome.")
    []

    Raises:
        UnreadableAnswerError: It starts a call that cannot be read.
    """
    tagged = _TAGGED.findall(output)
    if tagged:
        try:
            return [call for text in tagged for call in calls_of(parse_json(text))]
        except ValueError as exc:
            message = f"a tool call cannot be read: {exc}"
            raise UnreadableAnswerError(message) from None
    try:
        value = read_json(output)
    except UnreadableAnswerError as exc:
        if output.lstrip().startswith(("{", "[")):
            message = f"a tool call cannot be read: {exc}"
            raise UnreadableAnswerError(message) from None
        return []
    if not isinstance(value, (dict, list)):
        return []
    try:
        return calls_of(value)
    except ValueError as exc:
        raise UnreadableAnswerError(str(exc)) from None


def calls_of(value: Any) -> list[Call]:
    """Return the calls of a JSON value: one, a list of them, or an object with `tool_calls`.

    Raises:
        ValueError: It is none.
    """
    if isinstance(value, Mapping) and "tool_calls" in value:
        value = value["tool_calls"] or []
    values: Sequence[Any] = value if isinstance(value, list) else [value]
    return [_call(each) for each in values]


def _call(value: Any) -> Call:
    function = value.get("function", value) if isinstance(value, Mapping) else value
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(name, str) or not name:
        message = f"a tool call has a name and arguments, which this lacks: {shown(json.dumps(value, default=str))}"
        raise ValueError(message)
    arguments = next((function[field] for field in _ARGUMENTS if field in function), None)
    if isinstance(arguments, str) and arguments.strip():
        try:
            arguments = parse_json(arguments)
        except ValueError as exc:
            message = f"the arguments of the call of {shown(name)} are no JSON: {exc}"
            raise ValueError(message) from None
    if arguments in (None, ""):
        arguments = {}
    if not isinstance(arguments, dict):
        message = f"the arguments of the call of {shown(name)} are no JSON object: {shown(arguments)}"
        raise ValueError(message)  # noqa: TRY004 - the value, not the caller's type, is wrong
    return Call(name, arguments)
