"""Models behind servers with OpenAI's API as endpoints."""

from __future__ import annotations

import pytest

from llmops_plugins.openai.endpoint import key_of, make_endpoint
from llmops_plugins.openai.options import OpenAIModelOptions, OpenAIOptions
from llmops_sdk.plugin import Secret, SpecError

BASE = OpenAIModelOptions(model="gpt-4o-mini", provider="openai").base_model()
LOCAL = OpenAIModelOptions(model="m", base_url="http://127.0.0.1:8000/v1", api="completions").base_model()


def test_an_endpoint_has_what_goes_with_every_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """URL, key, model, further fields and limits; its metadata has no key."""
    monkeypatch.setenv("OPENAI_API_KEY", " sk-key \n")
    options = OpenAIOptions(max_concurrency=3, requests_per_minute=60, tokens_per_minute=1e5, extra_body={"top_k": 1})
    endpoint = make_endpoint(options, BASE)
    assert "https://api.openai.com/v1/chat/completions" == endpoint.url
    assert {"Authorization": "Bearer sk-key"} == endpoint.headers
    assert {"model": "gpt-4o-mini", "top_k": 1} == endpoint.extra_body
    assert (3, 60, 1e5, "chat") == (
        endpoint.concurrency, endpoint.requests_per_minute, endpoint.tokens_per_minute, endpoint.api
    )  # fmt: skip
    assert {"url": "https://api.openai.com/v1", "model": "gpt-4o-mini"} == endpoint.metadata


def test_a_provider_has_a_usual_key() -> None:
    """Another name or none takes precedence; a server on this machine needs none."""
    assert Secret("env:OPENAI_API_KEY") == key_of(OpenAIOptions(), BASE)
    assert Secret("env:MINE") == key_of(OpenAIOptions(key_env="MINE"), BASE)
    assert key_of(OpenAIOptions(key_env=""), BASE) is None
    assert key_of(OpenAIOptions(), LOCAL) is None
    assert "http://127.0.0.1:8000/v1/completions" == make_endpoint(OpenAIOptions(), LOCAL).url
    with pytest.raises(SpecError, match="set the environment variable 'OPENAI_API_KEY'"):
        make_endpoint(OpenAIOptions(), BASE)
