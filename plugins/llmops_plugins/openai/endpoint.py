"""A server with OpenAI's API as an endpoint: its URL, its key, and what goes with every request."""

from __future__ import annotations

from llmops_plugins.openai.options import OpenAIOptions
from llmops_plugins.openai.providers import usual_key
from llmops_sdk.plugin import BaseModel, Endpoint, Secret, bearer_headers


def make_endpoint(options: OpenAIOptions, base: BaseModel) -> Endpoint:
    """Return the endpoint of a model.

    Args:
        options: How it is asked.
        base: Its name and address.

    Raises:
        SpecError: The environment has no key, or something that cannot be one.
    """
    base_url, api = base.parameters["base_url"], base.parameters["api"]
    key = key_of(options, base)
    return Endpoint(
        name=base.source,
        url=f"{base_url}/chat/completions" if api == "chat" else f"{base_url}/completions",
        headers=bearer_headers(key),
        concurrency=options.max_concurrency,
        metadata={"url": base_url, "model": base.source},
        extra_body={"model": base.source, **options.extra_body},
        requests_per_minute=options.requests_per_minute,
        tokens_per_minute=options.tokens_per_minute,
        api=api,
        opens_reasoning=options.opens_reasoning,
    )


def key_of(options: OpenAIOptions, base: BaseModel) -> Secret | None:
    """Return the reference to a model's key: the named environment variable, or that of the provider."""
    name = usual_key(base.parameters["base_url"]) if options.key_env is None else options.key_env
    return Secret(f"env:{name}") if name else None
