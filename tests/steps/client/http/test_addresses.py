from __future__ import annotations

import pytest

from llmops_sdk.steps.client.http.addresses import is_loopback


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:80/x", True), ("http://127.1.2.3", True), ("http://[::1]:8/", True),
        ("http://localhost:8080", True), ("https://example.org", False), ("http://10.0.0.1", False),
        ("http://localhost.example.org", False),
    ],
)  # fmt: skip
def test_loopback_is_recognized_by_name_and_number(url: str, local: bool) -> None:  # noqa: FBT001
    """Nothing is resolved."""
    assert local == is_loopback(url)
