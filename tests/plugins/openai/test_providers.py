"""The table of providers."""

from __future__ import annotations

from llmops_plugins.openai.providers import PROVIDERS, usual_key
from llmops_sdk.plugin import is_loopback


def test_every_provider_can_be_asked() -> None:
    """A URL without a slash at its end; a hosted one has a key and TLS, one on this machine neither."""
    for name, provider in PROVIDERS.items():
        local = is_loopback(provider.base_url)
        assert (not local) == bool(provider.key_env), name
        assert provider.base_url.startswith("http://" if local else "https://"), name
        assert not provider.base_url.endswith("/"), name
        assert provider.key_env == usual_key(f"{provider.base_url}/")
    assert "" == usual_key("https://other.example/v1")
