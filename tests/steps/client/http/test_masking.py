"""Secrets of an endpoint in what comes back from it."""

from __future__ import annotations

import base64

import pytest

from llmops_sdk.steps.client.http.masking import Mask

KEY = 'sk-secret+/="1'


@pytest.mark.parametrize("name", ["Authorization", "authorization", "x-api-key", "Api-Token", "Cookie"])
def test_keys_in_headers_are_masked(name: str) -> None:
    """As they are, in JSON, and in URLs; names of fields too."""
    mask = Mask("http://x/", {name: f"Bearer {KEY}"}, {})
    assert "Bearer ***!" == mask.text(f"Bearer {KEY}!")
    assert {"***": ["a *** b", 5, None]} == mask.json({KEY: [f"a {KEY} b", 5, None]})
    assert "?k=***" == mask.text("?k=sk-secret%2B%2F%3D%221")


def test_a_password_is_masked_however_it_is_sent() -> None:
    """Basic authentication, a URL, a signature, a field of the body."""
    basic = base64.b64encode(b"me:pass-word").decode()
    assert "*** ***" == Mask("http://x/", {"Authorization": f"Basic {basic}"}, {}).text(f"{basic} pass-word")
    mask = Mask("http://me:pass-word@x/y?X-Amz-Signature=abcdef&b=1", {}, {"api_key": "in-the-body"})
    assert "http://***@x/y?***" == mask.url
    assert "*** *** *** ***" == mask.text(
        "pass-word abcdef in-the-body http://me:pass-word@x/y?X-Amz-Signature=abcdef&b=1"
    )


def test_what_is_no_secret_stays() -> None:
    """Other headers, short texts, a URL without a secret."""
    mask = Mask("http://x/?b=1", {"X-Custom": "accept_eula=true", "x-key": "a"}, {"model": "abcdef"})
    assert "http://x/?b=1" == mask.url
    body = {"text": "accept_eula=true abcdef a"}
    assert body is mask.json(body)
