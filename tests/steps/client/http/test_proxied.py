"""Whether a URL is asked through a proxy of the environment. Asking through one is tested with the transport."""

from __future__ import annotations

import pytest

from llmops_sdk.steps.client.http.proxied import has_proxy


@pytest.mark.parametrize(
    ("variable", "url", "expected"),
    [
        ("HTTPS_PROXY", "https://models.example/v1", True), ("HTTPS_PROXY", "http://models.example/v1", False),
        ("ALL_PROXY", "http://models.example/v1", True), ("HTTPS_PROXY", "https://inside.example/v1", False),
    ],
)  # fmt: skip
def test_a_proxy_is_that_of_the_scheme(
    variable: str,
    url: str,
    expected: bool,  # noqa: FBT001 - a table
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or of all schemes, unless `NO_PROXY` names the host."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    assert not has_proxy(url)
    monkeypatch.setenv(variable, "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example")
    assert expected == has_proxy(url)
