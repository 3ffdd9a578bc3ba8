"""How boto3 reaches the emulated account."""

from __future__ import annotations

import pytest

pytest.importorskip("boto3")

from llmops_plugins.sagemaker.emulator.choices import EmulatedSession, emulated_variables

URL = "http://127.0.0.1:1"


def test_a_session_ignores_the_users_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither profile, credentials, proxies nor another endpoint are used."""
    for name, value in {
        "AWS_PROFILE": "mine",
        "AWS_ACCESS_KEY_ID": "mine",
        "AWS_SECRET_ACCESS_KEY": "mine",
        "AWS_ENDPOINT_URL": "http://mine",
        "AWS_DEFAULT_REGION": "us-west-2",
        "HTTPS_PROXY": "http://mine",
    }.items():
        monkeypatch.setenv(name, value)
    client = EmulatedSession(URL, "eu-west-1").client("sagemaker")

    assert (URL, "eu-west-1", {}) == (client.meta.endpoint_url, client.meta.region_name, client.meta.config.proxies)
    assert "rehearsal" == client._request_signer._credentials.access_key
    assert URL == EmulatedSession(URL, "eu-west-1").resource("s3").meta.client.meta.endpoint_url


def test_the_variables_of_a_container_lead_to_the_account_only() -> None:
    """Including loopback past a proxy."""
    variables = emulated_variables(URL, "eu-west-1")

    assert {"AWS_ENDPOINT_URL": URL, "AWS_DEFAULT_REGION": "eu-west-1"}.items() <= variables.items()
    assert "127.0.0.1" in variables["NO_PROXY"]
