"""A server with OpenAI's API on loopback, and no keys in the environment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from llmops_plugins.openai.providers import PROVIDERS

from .openai_server import OpenAIServer, openai_server


@pytest.fixture(name="server")
def _server() -> Iterator[OpenAIServer]:
    """A server that knows four capitals, without a key."""
    with openai_server() as server:
        yield server


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys of whoever runs the tests are not used."""
    for provider in PROVIDERS.values():
        if provider.key_env:
            monkeypatch.delenv(provider.key_env, raising=False)
