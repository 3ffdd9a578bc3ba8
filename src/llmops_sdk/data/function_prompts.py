"""Prompts that a function of the user's own file makes."""

from __future__ import annotations

from typing import Any

from llmops_sdk.errors import DataError
from llmops_sdk.functions.calls import FAILURES, BoundFunction, bind, describe
from llmops_sdk.values.data import Record
from llmops_sdk.values.prompts import ChatPrompt, FunctionTemplate, TextPrompt

ROLES = ("system", "user", "assistant")

_REFERENCES = ("response", "references")
_SHOWN = 100
_MOST_BOUND = 16

_BOUND: dict[int, tuple[FunctionTemplate, BoundFunction]] = {}
"""The functions of the templates in use, by the identity of the template, which is kept with it."""


def make_prompt(template: FunctionTemplate, record: Record, where: str) -> TextPrompt | ChatPrompt:
    """Return what a record is asked. The function does not get the reference answer.

    Args:
        template: The function as a template.
        record: The record.
        where: The record's name in an error message.

    Raises:
        DataError: The function raised, or returned neither a text nor chat messages.
    """
    bound = _bound(template)
    function = template.function
    try:
        returned = bound(record={name: value for name, value in record.items() if name not in _REFERENCES})
    except FAILURES as exc:
        message = f"prompt {function.name!r} failed for {where}: {describe(exc)}"
        raise DataError(message) from exc
    problem = _problem(returned)
    if problem:
        message = f"prompt {function.name!r} must return a text or a list of chat messages; for {where} {problem}"
        raise DataError(message)
    if isinstance(returned, str):
        return TextPrompt(f"{returned}{template.response_key}")
    return ChatPrompt(tuple({"role": message["role"], "content": message["content"]} for message in returned))


def _bound(template: FunctionTemplate) -> BoundFunction:
    known = _BOUND.get(id(template))
    if known is None:
        if len(_BOUND) >= _MOST_BOUND:
            _BOUND.clear()
        known = _BOUND[id(template)] = (template, bind(template.function, "prompt", template.options))
    return known[1]


def _problem(returned: Any) -> str:
    """Return what is wrong with a prompt; empty if nothing is."""
    if isinstance(returned, str):
        return "" if returned.strip() else "it returned an empty text"
    if not isinstance(returned, (list, tuple)) or not returned:
        text = repr(returned)
        return f"it returned {text[:_SHOWN]}"
    for number, message in enumerate(returned, start=1):
        if not isinstance(message, dict) or set(message) != {"role", "content"}:
            return f"message {number} lacks the two keys role and content, or has others"
        if message["role"] not in ROLES:
            return f"message {number} has the role {message['role']!r}; known: {', '.join(ROLES)}"
        if not isinstance(message["content"], str):
            return f"the content of message {number} is no text"
    return "" if returned[-1]["role"] == "user" else "the last message is not of role 'user', which the model answers"
