"""Secrets of an endpoint, removed from everything that comes back from it: servers echo keys, in errors and in answers."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

MASK = "***"
_SECRET_NAME = re.compile(r"auth|key|token|secret|passw|cookie|credential|signature|\bsig\b", re.IGNORECASE)
_SHORTEST = 4


class Mask:
    """Replaces the secrets of an endpoint.

    Args:
        url: Its URL, which may have a password or a signature.
        headers: The headers of every request. Those named like a secret (`Authorization`, `x-api-key`) are.
        body: The fields of every request; those named like a secret are, too.
    """

    def __init__(self, url: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> None:
        secrets = {secret for value in _named_secrets(headers, body) for secret in _forms(value)} | set(_in_url(url))
        # The longest first: one may be a part of another.
        self._secrets = sorted((text for text in secrets if len(text) >= _SHORTEST), key=len, reverse=True)
        self.url = _without_secrets(url)
        if self.url != url:
            self._secrets.insert(0, url)

    def text(self, text: str) -> str:
        """Return a text without the secrets."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def json(self, body: Any) -> Any:
        """Return JSON without the secrets, in names and values."""
        if not self._secrets:
            return body
        text = json.dumps(body)
        masked = text
        for secret in self._secrets:
            masked = masked.replace(json.dumps(secret)[1:-1], MASK)
        return body if masked == text else json.loads(masked)


def _named_secrets(headers: Mapping[str, str], body: Mapping[str, Any]) -> Iterable[str]:
    for name, value in (*headers.items(), *body.items()):
        if isinstance(value, str) and _SECRET_NAME.search(name):
            yield value


def _forms(value: str) -> set[str]:
    """Return the texts by which a header's secret may come back: the key after a scheme (`Bearer`), a password in it."""
    scheme, _, key = value.strip().partition(" ")
    forms = {(key or scheme).strip()}
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(key, validate=True).decode()
        except (binascii.Error, ValueError):
            pair = ""
        forms |= {pair, pair.partition(":")[2]}
    return forms | {quote(form, safe="") for form in forms}


def _in_url(url: str) -> Iterable[str]:
    parts = urlsplit(url)
    if parts.password:
        yield from (parts.password, unquote(parts.password))
    for name, value in parse_qsl(parts.query):
        if _SECRET_NAME.search(name):
            yield from (value, quote(value, safe=""))


def _without_secrets(url: str) -> str:
    parts = urlsplit(url)
    if not tuple(_in_url(url)):
        return url
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(
        netloc=host if not parts.password else f"{MASK}@{host}", query=MASK if parts.query else ""
    ).geturl()
