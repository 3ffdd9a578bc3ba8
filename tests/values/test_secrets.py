"""Secrets are references; their text appears in no message."""

from __future__ import annotations

import pytest

from llmops_sdk.errors import SpecError
from llmops_sdk.values.secrets import Secret


@pytest.mark.parametrize("text", ["hf_abcdefSECRET", "env:", "", "ENV:TOKEN_SECRET", "env HF_SECRET"])
def test_a_secret_is_only_ever_a_reference(text: str) -> None:
    """A secret's own text is refused, and the message does not repeat it."""
    with pytest.raises(SpecError) as caught:
        Secret(text)
    assert "write" in str(caught.value) or "written" in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert not text or text == "env:" or text not in str(caught.value)


def test_a_secret_is_read_where_it_is_revealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the reference is shown; the text comes from the environment at the moment of use."""
    secret = Secret("env:LLMOPS_TEST_SECRET")
    monkeypatch.setenv("LLMOPS_TEST_SECRET", "s3cret")
    assert secret.reveal() == "s3cret"
    assert "s3cret" not in repr(secret)
    monkeypatch.setenv("LLMOPS_TEST_SECRET", "changed")
    assert secret.reveal() == "changed"


def test_a_secret_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the environment variable to set."""
    monkeypatch.delenv("LLMOPS_TEST_SECRET", raising=False)
    with pytest.raises(SpecError, match="set the environment variable 'LLMOPS_TEST_SECRET'"):
        Secret("env:LLMOPS_TEST_SECRET").reveal()
