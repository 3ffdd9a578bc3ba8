"""Options of models behind servers with OpenAI's API: what is refused, and what a provider stands for."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_plugins.openai.options import OpenAIModelOptions, OpenAIOptions
from llmops_sdk import Pipeline, Registry, SpecError
from llmops_sdk.plugin import BaseModel, Billing, Secret

BASE = OpenAIModelOptions(model="gpt-4o-mini", provider="openai").base_model()
LOCAL = OpenAIModelOptions(model="m", base_url="http://127.0.0.1:8000/v1", api="completions").base_model()


def on(use: str, **options: Any) -> Pipeline:
    return Pipeline.builder("hosted").with_dataset("sample").with_model(use, **options).with_evaluator("qa-accuracy")


def test_a_provider_stands_for_its_address() -> None:
    """A base_url beside it takes precedence, without a slash at its end."""
    hosted = OpenAIModelOptions(model="gpt-4o-mini", provider="openai").base_model()
    assert (
        BaseModel("openai", "gpt-4o-mini", parameters={"base_url": "https://api.openai.com/v1", "api": "chat"})
        == hosted
    )
    other = OpenAIModelOptions(model="m", provider="vllm", base_url="http://gpu1:8000/v1/").base_model()
    assert "http://gpu1:8000/v1" == other.parameters["base_url"]
    with pytest.raises(SpecError, match="needs a base_url"):
        OpenAIModelOptions(model="m").base_model()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base_url": "localhost:8000"}, "base_url is where the server's API is"),
        ({"base_url": "http://a/v1?key=x"}, "base_url is where the server's API is"),
        ({"base_url": "http://a/v1/chat/completions"}, "write 'http://a/v1'"),
        ({"provider": "opnai"}, "did you mean 'openai'"),
        ({"provider": "openai", "api": "responses"}, "api is 'chat' or 'completions'"),
    ],
)
def test_a_wrong_option_of_the_model_is_refused(options: dict[str, Any], message: str) -> None:
    """With what would be right."""
    with pytest.raises(ValueError, match=message):
        OpenAIModelOptions(model="m", **options)


def test_a_key_in_place_of_its_name_reaches_no_message() -> None:
    """The option names an environment variable."""
    with pytest.raises(ValueError, match="never the key itself") as failure:
        OpenAIOptions(key_env="sk-secret-key")
    assert "sk-secret" not in str(failure.value)


def test_short_forms_are_models_of_a_provider() -> None:
    """With the options of the model and of its requests in one place."""
    plan = on("ollama/llama3.2:3b", max_concurrency=2, requests_per_minute=30.0).build(offline=True)
    (model,) = plan.models
    assert ("llama3-2-3b", "openai-compatible", "llama3.2:3b") == (model.name, model.use, model.base.source)
    assert "http://localhost:11434/v1" == model.base.parameters["base_url"]
    assert (2, 30.0) == (model.deployer.options["max_concurrency"], model.deployer.options["requests_per_minute"])
    (nested,) = on("openrouter/meta-llama/llama-3.1-8b-instruct", name="llama").build(offline=True).models
    assert ("llama", "meta-llama/llama-3.1-8b-instruct") == (nested.name, nested.base.source)


def test_limits_and_keys_are_no_part_of_the_key(registry: Registry) -> None:
    """Another key or rate asks nothing again; another field of the requests does."""
    keys = [
        on("openai/gpt-4o-mini", **options).build(registry, offline=True).models[0].deployer.key
        for options in ({}, {"key_env": "OTHER", "max_concurrency": 1, "timeout": 5.0}, {"extra_body": {"top_k": 1}})
    ]
    assert keys[0] == keys[1] != keys[2]


def test_a_chat_is_refused_for_the_completions_api() -> None:
    """When the pipeline is built."""
    with pytest.raises(SpecError, match="the prompt 'chat' is a chat"):
        on("vllm/base", api="completions").with_prompt("chat").build(offline=True)
    assert on("vllm/base", api="completions").with_prompt("alpaca").build(offline=True)


def test_an_endpoint_has_what_goes_with_every_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """URL, key, model, further fields and limits; its metadata has no key."""
    monkeypatch.setenv("OPENAI_API_KEY", " sk-key \n")
    options = OpenAIOptions(max_concurrency=3, requests_per_minute=60, tokens_per_minute=1e5, extra_body={"top_k": 1})
    endpoint = options.endpoint(BASE)
    assert "https://api.openai.com/v1/chat/completions" == endpoint.url
    assert {"Authorization": "Bearer sk-key"} == endpoint.headers
    assert {"model": "gpt-4o-mini", "top_k": 1} == endpoint.extra_body
    assert (3, 60, 1e5, "chat") == (
        endpoint.concurrency, endpoint.requests_per_minute, endpoint.tokens_per_minute, endpoint.api
    )  # fmt: skip
    assert {"url": "https://api.openai.com/v1", "model": "gpt-4o-mini"} == endpoint.metadata


def test_a_provider_has_a_usual_key() -> None:
    """Another name or none takes precedence; a server on this machine needs none."""
    assert Secret("env:OPENAI_API_KEY") == OpenAIOptions().key(BASE)
    assert Secret("env:MINE") == OpenAIOptions(key_env="MINE").key(BASE)
    assert OpenAIOptions(key_env="").key(BASE) is None
    assert OpenAIOptions().key(LOCAL) is None
    assert "http://127.0.0.1:8000/v1/completions" == OpenAIOptions().endpoint(LOCAL).url
    with pytest.raises(SpecError, match="set the environment variable 'OPENAI_API_KEY'"):
        OpenAIOptions().endpoint(BASE)


def test_tokens_are_billed_at_the_price_of_the_address() -> None:
    """By the name that the model has there."""
    assert Billing("tokens", "gpt-4o-mini", address="https://api.openai.com/v1") == OpenAIOptions().billing(BASE)
