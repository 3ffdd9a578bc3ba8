"""Providers of models with OpenAI's API: where they are, and which environment variable has their key."""

from __future__ import annotations

import attrs


@attrs.frozen
class Provider:
    """A provider, or a server with a usual address.

    Attributes:
        base_url: Where its API is; requests go to `/chat/completions` below it.
        key_env: The environment variable with the key; empty where none is needed.
    """

    base_url: str
    key_env: str = ""


PROVIDERS = {
    "openai": Provider("https://api.openai.com/v1", "OPENAI_API_KEY"),
    "cerebras": Provider("https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    "deepseek": Provider("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "fireworks": Provider("https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"),
    "gemini": Provider("https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
    "groq": Provider("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "mistral": Provider("https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    "nvidia": Provider("https://integrate.api.nvidia.com/v1", "NVIDIA_API_KEY"),
    "openrouter": Provider("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "together": Provider("https://api.together.xyz/v1", "TOGETHER_API_KEY"),
    "xai": Provider("https://api.x.ai/v1", "XAI_API_KEY"),
    # On this machine, at the port that each server has by default.
    "llama-cpp": Provider("http://localhost:8080/v1"),
    "lmstudio": Provider("http://localhost:1234/v1"),
    "ollama": Provider("http://localhost:11434/v1"),
    "sglang": Provider("http://localhost:30000/v1"),
    "vllm": Provider("http://localhost:8000/v1"),
}


def usual_key(base_url: str) -> str:
    """Return the environment variable that has the key for a URL by convention, or empty.

    >>> usual_key("https://api.openai.com/v1/")
    'OPENAI_API_KEY'
    """
    keys = {provider.base_url: provider.key_env for provider in PROVIDERS.values()}
    return keys.get(base_url.rstrip("/"), "")
