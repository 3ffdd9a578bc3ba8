"""The checks before a run: each mistake is one line that says what, where and how to fix it."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from llmops_plugins.openai.options import OpenAIModelOptions, OpenAIOptions
from llmops_sdk.plugin import Finding

from .openai_server import OpenAIServer


def check(base_url: str, model: str = "stub-1", *, api: str = "chat", **options: Any) -> list[Finding]:
    """Return what the checks of a model find, those without a network first."""
    base = OpenAIModelOptions(model=model, base_url=base_url, api=api).base_model()
    deployer = OpenAIOptions(**options)
    findings = [each.run() for each in (*deployer.local_checks(base, {}), *deployer.preflight(base, {}))]
    assert all("\n" not in f"{finding.text}{finding.hint}" for finding in findings)
    return findings


def test_a_server_with_the_model_is_fine(server: OpenAIServer) -> None:
    """Without a key there is nothing else to check."""
    assert [Finding("ok", "has the model, one of 1")] == check(server.url)
    assert ["/v1/models"] == server.paths


@pytest.mark.parametrize(
    ("model", "listed"),
    [
        ("llama3.2", "llama3.2:latest"), ("gemini-2.0-flash", "models/gemini-2.0-flash"),
        ("tuned", {"id": "/models/tuned.gguf", "aliases": ["tuned"]}), ("by-name", {"name": "by-name"}),
    ],
)  # fmt: skip
def test_servers_list_a_model_by_several_names(server: OpenAIServer, model: str, listed: Any) -> None:
    """Ollama's tag, Gemini's prefix, llama.cpp's alias."""
    server.models = [listed]
    (finding,) = check(server.url, model)
    assert "ok" == finding.status


def test_an_unknown_model_is_an_error_that_lists_what_there_is(server: OpenAIServer) -> None:
    """With the nearest name; an option accepts it nevertheless."""
    server.models = ["gpt-small", "gpt-large"]
    (finding,) = check(server.url, "gpt-smal")
    assert ("error", "it has no model 'gpt-smal'; did you mean 'gpt-small'?") == (finding.status, finding.text)
    assert "it has: gpt-large, gpt-small; check_model: false" in finding.hint
    server.models = [f"model-{number:02}" for number in range(40)]
    (many,) = check(server.url, "zzz")
    assert "model-11 and 28 more" in many.hint
    (accepted,) = check(server.url, "zzz", check_model=False)
    assert "ok" == accepted.status


def test_a_server_without_a_list_is_no_error(server: OpenAIServer) -> None:
    """A request without fields shows that the API is there; an unknown form of list is none."""
    server.models = None
    (finding,) = check(server.url, "any")
    assert Finding("ok", "answers, and has no list of models (404), so the model is not checked") == finding
    assert ["/v1/models", "/v1/chat/completions"] == server.paths
    server.models = [{"object": "model"}]
    assert "error" == check(server.url)[0].status


def test_a_wrong_path_is_an_error(server: OpenAIServer) -> None:
    """JSON or a page of HTML: neither the list nor the API is there."""
    (finding,) = check(server.url.removesuffix("/v1"))
    assert "error" == finding.status
    assert f"there is no API at {server.url.removesuffix('/v1')}" in finding.text
    assert "usually ends in /v1" in finding.hint
    server.page = b"<html>Not here</html>"
    (page,) = check(server.url)
    assert ("error", True) == (page.status, f"{server.url}/chat/completions answers 404" in page.text)


def test_a_key_must_be_set(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is found without a network; the server is then not asked."""
    key, asked = check(server.url, key_env="MY_KEY")
    assert ("error", True) == (key.status, "set the environment variable 'MY_KEY'" in key.text)
    assert ("ok", []) == (asked.status, server.paths)
    monkeypatch.setenv("MY_KEY", "two\nlines")
    key, _ = check(server.url, key_env="MY_KEY")
    assert ("error", False) == (key.status, "two" in key.text)


def test_a_refused_key_is_an_error_without_the_key(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server echoes it; the line names the variable."""
    server.key = "sk-right"
    monkeypatch.setenv("MY_KEY", "sk-wrong-one")
    key, asked = check(server.url, key_env="MY_KEY")
    assert "ok" == key.status
    assert ("error", "check the key in MY_KEY") == (asked.status, asked.hint)
    assert "refuses the key" in asked.text
    assert "sk-wrong" not in asked.text
    (without,) = check(server.url)
    assert "key_env: NAME" in without.hint
    monkeypatch.setenv("MY_KEY", "sk-right")
    assert ["ok", "ok"] == [finding.status for finding in check(server.url, key_env="MY_KEY")]


def test_an_unreachable_server_is_an_error_with_its_reason(server: OpenAIServer) -> None:
    """A host that does not exist, a port without a server, TLS where there is none, a server that fails."""
    (host,) = check("http://models.invalid/v1")
    assert ("error", True) == (host.status, "the host of http://models.invalid/v1 is not found" in host.text)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        (refused,) = check(url)
    assert ("error", f"no server listens at {url}") == (refused.status, refused.text)
    (tls,) = check(server.url.replace("http:", "https:"))
    assert ("error", True) == (tls.status, "no secure connection" in tls.text)


def test_the_completions_api_is_looked_for_at_its_own_path(server: OpenAIServer) -> None:
    """Where there is no list of models."""
    server.models = None
    (finding,) = check(server.url, api="completions")
    assert "ok" == finding.status
    assert "/v1/completions" == server.paths[-1]
