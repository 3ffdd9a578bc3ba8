"""Conversations: the messages of OpenAI, TRL, ShareGPT and Bedrock as earlier turns, a question and a reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from llmops_sdk.errors import DataError
from llmops_sdk.values.prompts import Message

_ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "chatgpt": "assistant",
}
_TOOL_ROLES = ("tool", "function", "function_call", "observation", "ipython")
_TEXT_PARTS = ("text", "input_text", "output_text")
_REASONING_PARTS = ("thinking", "reasoning", "redacted_thinking", "reasoningContent")
_TOOL_FIELDS = ("tool_calls", "function_call")
_NO_TOOLS = "tool calls are not supported: remove such records"


@attrs.frozen
class Conversation:
    """A conversation as it is asked.

    Attributes:
        messages: The turns that are asked; the last one is the user's.
        reference: What the assistant answered; empty if the conversation ends with the user's turn.
    """

    messages: tuple[Message, ...]
    reference: str = ""

    @property
    def question(self) -> str:
        """The last turn that is asked."""
        return self.messages[-1]["content"]

    @property
    def transcript(self) -> str:
        """The turns before the question, for prompts that are one text."""
        return "\n\n".join(f"{turn['role']}: {turn['content']}" for turn in self.messages[:-1])


def is_conversation(value: Any) -> bool:
    """Return whether a value is a list of turns.

    >>> is_conversation([{"role": "user", "content": "a"}]), is_conversation([{"from": "human", "value": "a"}])
    (True, True)
    >>> is_conversation(["a"]), is_conversation([])
    (False, False)
    """
    return (
        isinstance(value, Sequence)
        and bool(value)
        and all(isinstance(turn, Mapping) and ("role" in turn or "from" in turn) for turn in value)
    )


def read_conversation(turns: Sequence[Mapping[str, Any]], name: str, *, system: Any = None) -> Conversation:
    """Read a conversation: what the assistant answered last is the reference, and what comes before it is asked.

    Args:
        turns: With `role` and `content`, or `from` and `value`. A content may be a list of parts, or null.
        name: The record's name in messages.
        system: A system text beside the turns, as ShareGPT and Bedrock have it.

    Raises:
        DataError: It has no user's turn, or tool calls, images or other parts that are no text.

    >>> read_conversation([{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}], "record 1")
    Conversation(messages=({'role': 'user', 'content': '1+1?'},), reference='2')
    """
    messages = [_message(turn, f"turn {number} of {name}") for number, turn in enumerate(turns, start=1)]
    if system and messages[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": text_of(system, f"the system text of {name}")})
    answers: list[str] = []
    while messages and messages[-1]["role"] == "assistant":
        answers.insert(0, messages.pop()["content"])
    if not messages or messages[-1]["role"] != "user":
        problem = "no user's turn before the assistant's answer" if answers else "no user's turn at its end"
        message = f"the conversation of {name} has {problem}: it must ask something; remove or complete the record"
        raise DataError(message)
    return Conversation(tuple(messages), "\n\n".join(filter(None, answers)))


def refuse_tools(row: Mapping[str, Any], name: str) -> None:
    """Refuse a row with tools, which no target here is offered.

    Raises:
        DataError: It has some.
    """
    used = [field for field in ("tools", "functions", "toolConfig") if row.get(field)]
    if used:
        message = f"{name} has {used[0]!r}: {_NO_TOOLS}, for example with a filter"
        raise DataError(message)


def text_of(content: Any, where: str) -> str:
    """Return a content as text: a text, null, or a list of parts of which those with text count.

    Raises:
        DataError: It has an image, audio, a document or anything else that is no text.

    >>> text_of([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}, {"text": "b"}], "turn 1")
    'ab'
    """
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence):
        return "".join(_part(part, where) for part in content)
    message = f"the content of {where} is of type {type(content).__name__}, not text"
    raise DataError(message)


def _part(part: Any, where: str) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, Mapping):
        kind = part.get("type") or next(iter(part), "")
        text = part.get("text")
        if isinstance(text, str) and (kind in _TEXT_PARTS or "type" not in part):
            return text
        if kind in _REASONING_PARTS or (kind in _TEXT_PARTS and text is None):
            return ""
        # Tables in columns give every part every field: {"type": "text", "text": "a", "image_url": null}.
        if kind in ("tool_use", "tool_result", "toolUse", "toolResult"):
            message = f"{where} calls a tool; {_NO_TOOLS}"
            raise DataError(message)
        message = f"{where} has a part of type {kind!r}: only text is supported; remove records with images or audio"
        raise DataError(message)
    message = f"{where} has a part of type {type(part).__name__}: a part is a text, or has a type and a text"
    raise DataError(message)


def _message(turn: Mapping[str, Any], where: str) -> Message:
    role = turn.get("role") or turn.get("from")
    if role in _TOOL_ROLES or any(turn.get(field) for field in _TOOL_FIELDS):
        message = f"{where} calls a tool or has its result; {_NO_TOOLS}"
        raise DataError(message)
    if role not in _ROLES:
        message = f"{where} has the role {role!r}; known: {', '.join(_ROLES)}"
        raise DataError(message)
    content = next((turn[field] for field in ("content", "value", "text") if field in turn), None)
    return {"role": _ROLES[role], "content": text_of(content, where)}
