"""The checks of `llmops doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmops_plugins.sagemaker.checks import checks

from .fixtures import Cloud

if TYPE_CHECKING:
    import pytest


def test_doctor_needs_no_network(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows versions, and the source of credentials and region, or how to fix them."""
    libraries, credentials = (check.run for check in checks())
    before = len(cloud.calls)

    assert ("ok", True) == (libraries().status, "boto3" in libraries().text)
    assert "found (env), region us-east-1" == credentials().text
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert ("warning", "found (env), but no region") == (credentials().status, credentials().text)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert ("warning", "aws configure") == (credentials().status, credentials().hint)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert "nobody" in credentials().text
    assert before == len(cloud.calls)
