"""What a row and a test record are joined by: an ID, the hash of the input, or its text."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llmops_plugins.recorded.columns import MESSAGES, Columns
from llmops_plugins.recorded.fields import value_at
from llmops_sdk.plugin import ChatPrompt, Prompt, Record

ID, HASH, INPUT = "id", "hash", "input"
"""The kinds of keys."""

_SHORT = 16


def row_keys(fields: Mapping[str, Any], columns: Columns) -> Iterator[tuple[str, bytes]]:
    """Yield the keys of a row: the kind, and the key."""
    identity = id_text(value_at(fields, columns.id)) if columns.id else ""
    if identity:
        yield ID, _short_hash(identity)
    hashed = value_at(fields, columns.input_hash) if columns.input_hash else None
    if isinstance(hashed, str) and hashed.strip():
        yield HASH, _short_hash(_plain_hash(hashed))
    text = row_input(fields, columns)
    if text.strip():
        yield INPUT, _text_key(text)


def row_input(fields: Mapping[str, Any], columns: Columns) -> str:
    """Return the input of a row as one text, or an empty one."""
    value = value_at(fields, columns.input) if columns.input else None
    if isinstance(value, list):
        return conversation_text(value, without_answer=columns.answer in (MESSAGES, columns.input))
    context = value_at(fields, columns.context) if columns.context else None
    return _joined(_as_text(value), _as_text(context))


def id_text(value: Any) -> str:
    """Return an ID as text, so that 7, '7' and 7.0 are one; empty where there is none."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return (
        value.strip()
        if isinstance(value, str)
        else ""
        if value is None
        else json.dumps(value, sort_keys=True, default=str)
    )


def id_key(value: Any) -> bytes | None:
    """Return the key of a record's ID, or None where it has none."""
    text = id_text(value)
    return _short_hash(text) if text else None


def hash_keys(record: Record, prompt: Prompt) -> Iterator[bytes]:
    """Yield the keys that the hash of a record's input may have in a file."""
    for text in input_texts(record, prompt):
        yield _short_hash(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest())


def input_keys(record: Record, prompt: Prompt) -> Iterator[bytes]:
    """Yield the keys that a record's input may have in a file."""
    return map(_text_key, input_texts(record, prompt))


def input_texts(record: Record, prompt: Prompt) -> tuple[str, ...]:
    """Return the texts that may stand for a record's input, the most exact first.

    They are the prompt as it is asked, the conversation, the instruction with the context, the context, the instruction.
    """
    asked = conversation_text(prompt.messages) if isinstance(prompt, ChatPrompt) else prompt.text
    messages, instruction, context = record.get(MESSAGES), record.get("instruction"), record.get("context")
    conversation = conversation_text(messages) if isinstance(messages, list) else ""
    texts = (
        asked,
        conversation,
        _joined(_as_text(instruction), _as_text(context)),
        _as_text(context),
        _as_text(instruction),
    )
    return tuple(dict.fromkeys(text for text in texts if text.strip()))


def conversation_text(messages: Sequence[Any], *, without_answer: bool = False) -> str:
    """Return the turns of a conversation as one text, without system messages; of a single one, its content.

    Args:
        messages: Objects with `role` and `content`.
        without_answer: Whether to leave out a last turn that is the assistant's.
    """
    turns = [turn for turn in messages if isinstance(turn, Mapping) and turn.get("role") not in ("system", "developer")]
    if without_answer and turns and turns[-1].get("role") == "assistant":
        turns = turns[:-1]
    if len(turns) == 1:
        return content_text(turns[0].get("content"))
    return "\n\n".join(f"{turn.get('role')}: {content_text(turn.get('content'))}" for turn in turns)


def content_text(content: Any) -> str:
    """Return the text of a message's content, which is a text or a list of parts."""
    if not isinstance(content, list):
        return _as_text(content)
    parts = (part.get("text", "") if isinstance(part, Mapping) else part for part in content)
    return "".join(part for part in parts if isinstance(part, str))


def _joined(text: str, context: str) -> str:
    return f"{text}\n\n{context}" if context.strip() else text


def _as_text(value: Any) -> str:
    return (
        value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False, default=str)
    )


def _plain_hash(text: str) -> str:
    return text.strip().lower().removeprefix("sha256:")


def _text_key(text: str) -> bytes:
    """Return the key of a text; spaces, line ends and the two ways to write an accent make no difference."""
    return _short_hash(" ".join(unicodedata.normalize("NFC", text).split()))


def _short_hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_SHORT).digest()
