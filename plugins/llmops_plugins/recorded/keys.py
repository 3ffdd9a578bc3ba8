"""What a row and a test record are joined by: an ID, the hash of the input, or its text."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llmops_plugins.recorded.columns import HASH, ID, INPUT, Columns
from llmops_plugins.recorded.fields import field_of
from llmops_sdk.plugin import ChatPrompt, Prompt, Record, id_text

ASSISTANT = "assistant"
_ROLES = {"human": "user", "gpt": ASSISTANT, "model": ASSISTANT, "bot": ASSISTANT, "developer": "system"}
_SHORT = 16


def row_keys(fields: Mapping[str, Any], columns: Columns) -> Iterator[tuple[str, bytes]]:
    """Yield the keys of a row: the kind, and the key."""
    identity = id_text(field_of(fields, columns.id))
    if identity:
        yield ID, _short_hash(identity)
    hashed = field_of(fields, columns.input_hash)
    if isinstance(hashed, str) and hashed.strip():
        yield HASH, _short_hash(_plain_hash(hashed))
    text = row_input(fields, columns)
    if text.strip():
        yield INPUT, _text_key(text)


def row_input(fields: Mapping[str, Any], columns: Columns) -> str:
    """Return the input of a row as one text, or an empty one."""
    value = field_of(fields, columns.input)
    if isinstance(value, list):
        return conversation_text(value)
    return _joined(_as_text(value), _as_text(field_of(fields, columns.context)))


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
    messages, instruction, context = record.get("messages"), record.get("instruction"), record.get("context")
    conversation = conversation_text(messages) if isinstance(messages, list) else ""
    texts = (
        asked,
        conversation,
        _joined(_as_text(instruction), _as_text(context)),
        _as_text(context),
        _as_text(instruction),
    )
    return tuple(dict.fromkeys(text for text in texts if text.strip()))


def conversation_text(turns: Sequence[Any]) -> str:
    """Return the turns that are asked as one text, without system texts; of a single one, its content.

    A last turn that is the assistant's is an answer, and left out.

    Args:
        turns: Objects with `role` and `content`, or `from` and `value`.
    """
    asked = [(role_of(turn), turn_text(turn)) for turn in turns if role_of(turn) not in ("", "system")]
    if asked and asked[-1][0] == ASSISTANT:
        asked.pop()
    if len(asked) == 1:
        return asked[0][1]
    return "\n\n".join(f"{role}: {text}" for role, text in asked)


def role_of(turn: Any) -> str:
    """Return the role of a turn, under one name for each: `system`, `user`, `assistant`; empty where it is no turn."""
    role = (turn.get("role") or turn.get("from") or "") if isinstance(turn, Mapping) else ""
    return _ROLES.get(role, role)


def turn_text(turn: Mapping[str, Any]) -> str:
    """Return the text of a turn, whose content is a text or a list of parts."""
    content = next((turn[name] for name in ("content", "value") if turn.get(name) is not None), None)
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
