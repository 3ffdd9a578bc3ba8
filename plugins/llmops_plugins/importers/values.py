"""Values in result files: as text, and short enough for a message."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_LONG = 200


def text_of(value: Any) -> str:
    """Return a value as text: a conversation as its turns, any other list or object as JSON.

    >>> text_of([{"role": "user", "content": "Hi"}]), text_of({"a": 1}), text_of(None)
    ('user: Hi', '{"a": 1}', '')
    """
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, list) and value and all(isinstance(turn, Mapping) and "content" in turn for turn in value):
        return "\n\n".join(f"{turn.get('role', '')}: {text_of(turn['content'])}" for turn in value)
    return json.dumps(value, ensure_ascii=False, default=str)


def shown(value: Any) -> str:
    """Return a value for a message.

    >>> shown("good")
    "'good'"
    """
    text = repr(value)
    return text if len(text) <= _LONG else f"{text[:_LONG]}..."
