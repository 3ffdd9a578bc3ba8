"""Keys: one line of ASCII characters, and in no message."""

from __future__ import annotations

import pytest

from llmops_sdk.errors import SpecError
from llmops_sdk.steps.client.http.keys import bearer_headers
from llmops_sdk.values.secrets import Secret

KEY = Secret("env:SOME_KEY")


def test_a_key_is_a_bearer_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the line break that files end with; no key, no header."""
    monkeypatch.setenv("SOME_KEY", "sk-1\n")
    assert {"Authorization": "Bearer sk-1"} == bearer_headers(KEY)
    assert {} == bearer_headers(None)


@pytest.mark.parametrize(
    ("key", "reason"), [("sk-1\nsk-2", "one line"), ("schlüssel", "ASCII"), (" \n", "it is empty")]
)
def test_what_is_no_key_is_refused(key: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has its name, not its text."""
    monkeypatch.setenv("SOME_KEY", key)
    with pytest.raises(SpecError, match=f"'env:SOME_KEY' is not a key: .*{reason}") as failure:
        bearer_headers(KEY)
    assert key.strip() not in str(failure.value) or not key.strip()


def test_a_missing_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to set."""
    monkeypatch.delenv("SOME_KEY", raising=False)
    with pytest.raises(SpecError, match="set the environment variable 'SOME_KEY'"):
        bearer_headers(KEY)
