"""Why servers refuse requests, and whether the same request may succeed later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_SHOWN = 300

# In addition to all 5xx. 424 is SageMaker's "the container answered with an error": the container's own status decides.
_TRANSIENT = frozenset({408, 425, 429})
_MODEL_ERROR = 424
_SERVER_ERROR = 500


def error_message(status: int, body: Any) -> str:
    """Return in one line why a server refused, from JSON (or text) in one of the forms that model servers use.

    >>> error_message(400, {"error": {"message": "no such model", "type": "invalid_request_error"}})
    'no such model'
    """
    reason = body
    if isinstance(body, Mapping):
        keys = ("OriginalMessage", "Message", "message", "error", "detail", "errorMessage")
        reason = next((body[key] for key in keys if body.get(key)), body)
        if isinstance(reason, Mapping):
            reason = reason.get("message", reason)
    text = reason if isinstance(reason, str) else json.dumps(reason, ensure_ascii=False)
    return shorten(text) or f"HTTP status {status} without a reason"


def is_transient(status: int, body: Any) -> bool:
    """Return whether the same request may succeed later, from the status and SageMaker's `OriginalStatusCode`."""
    if status == _MODEL_ERROR and isinstance(body, Mapping):
        original = body.get("OriginalStatusCode")
        return isinstance(original, int) and is_transient(original, None)
    return status in _TRANSIENT or status >= _SERVER_ERROR


def shorten(text: str) -> str:
    """Return a text in one line, cut to 300 characters."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[:_SHOWN] + "..."
