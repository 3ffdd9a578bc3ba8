"""A substitute for Bedrock, and credentials for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from llmops_plugins.bedrock.account import Account
from llmops_plugins.bedrock.options import BedrockOptions
from llmops_plugins.bedrock.settings import BedrockSettings
from llmops_plugins.bedrock.transport import BedrockTransport

from .bedrock_server import MODEL, BedrockServer, bedrock_server


@pytest.fixture
def no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without credentials, region and profiles."""
    for name in ("PROFILE", "SESSION_TOKEN", "REGION", "DEFAULT_REGION", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.delenv("AWS_BEARER_TOKEN_BEDROCK", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")


@pytest.fixture
def bedrock(no_account: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[BedrockServer]:  # noqa: ARG001 - the environment
    """A server in place of Bedrock, with the credentials and the region of an account."""
    with bedrock_server() as server:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", server.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK", server.url)
        yield server
        assert server.problems == []


@pytest.fixture
def connect(bedrock: BedrockServer) -> Iterator[Callable[..., BedrockTransport]]:  # noqa: ARG001 - what is asked
    """Make transports to a model."""
    transports: list[BedrockTransport] = []

    def connect(model: str = MODEL, **options: object) -> BedrockTransport:
        client = Account(BedrockSettings()).runtime(connections=4, read_timeout=5.0)
        transports.append(BedrockTransport(client, model, BedrockOptions(**options)))  # type: ignore[arg-type]
        return transports[-1]

    yield connect
    for transport in transports:
        transport.close()
