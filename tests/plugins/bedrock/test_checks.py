"""The check of `llmops doctor`."""

from __future__ import annotations

from importlib import metadata, util
from typing import TYPE_CHECKING

from llmops_plugins.bedrock.checks import checks

if TYPE_CHECKING:
    import pytest


def test_boto3_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, models of Bedrock cannot be asked; the hint installs it."""
    (check,) = checks()
    assert f"boto3 {metadata.version('boto3')}" == check.run().text

    monkeypatch.setattr(util, "find_spec", lambda _: None)
    finding = check.run()
    assert ("warning", "not installed: models of Bedrock cannot be asked") == (finding.status, finding.text)
    assert "[bedrock]" in finding.hint
