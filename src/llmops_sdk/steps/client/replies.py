"""Replies as JSON: whatever bytes a server sends, they are read or refused, and nothing else happens."""

from __future__ import annotations

import json
from typing import Any

from llmops_sdk.errors import RequestError
from llmops_sdk.steps.client.refusals import shorten

_MOST_DIGITS = 18
_QUOTED_BYTES = 2_000


def read_json(body: bytes, content_type: str = "") -> Any:
    """Read a reply as JSON. Invalid characters become U+FFFD; numbers of absurd length become floats.

    Args:
        body: The reply.
        content_type: As the server gave it, for the message.

    Raises:
        RequestError: It is not JSON: a page of HTML, a notice, an empty or truncated reply. Retryable: it is no answer
            of the model, and something between here and there sent it.
    """
    try:
        return decode_json(body)
    except ValueError as exc:
        kind = content_type or "no content type"
        message = f"the endpoint's answer ({kind}) is not JSON: {shorten(quote(body)) or 'it is empty'}"
        raise RequestError(message, retryable=True) from exc
    except RecursionError:
        message = "the endpoint's answer is not usable JSON: it is nested too deeply"
        raise RequestError(message, retryable=True) from None


def decode_json(body: bytes) -> Any:
    """Decode JSON; see `read_json`.

    Raises:
        ValueError: It is not JSON.
        RecursionError: It is nested too deeply.
    """
    return _DECODER.decode(body.decode(json.detect_encoding(body), "replace"))


def quote(body: bytes) -> str:
    """Return the start of a reply as text, for a message."""
    return body[:_QUOTED_BYTES].decode("utf-8", "replace")


def repaired(text: str) -> str:
    """Return a text that can be written as UTF-8: half a surrogate pair becomes U+FFFD, two halves become a character."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _integer(digits: str) -> float:
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


_DECODER = json.JSONDecoder(parse_int=_integer)
