"""Keys of endpoints: read where a request is made, sent as a bearer token, and never part of a message."""

from __future__ import annotations

from llmops_sdk.errors import SpecError
from llmops_sdk.values.secrets import Secret


def bearer_headers(key: Secret | None) -> dict[str, str]:
    """Return the headers that send a key.

    Args:
        key: A reference to it, or None for no key.

    Raises:
        SpecError: The key is not available, or is more than one line of ASCII characters.
    """
    if key is None:
        return {}
    text = key.reveal().strip()
    if not text or not text.isascii() or not text.isprintable():
        # The text may contain the key: it must not reach a message or a log.
        reason = "it is empty" if not text else "a key is one line of ASCII characters"
        message = f"the secret {key.reference!r} is not a key: {reason}"
        raise SpecError(message)
    return {"Authorization": f"Bearer {text}"}
