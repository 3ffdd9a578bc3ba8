"""The check of `llmops doctor` for FMEval."""

from __future__ import annotations

import pytest

from llmops_plugins.fmeval import checks, interpreter
from llmops_sdk.plugin import Finding, install_hint


@pytest.mark.usefixtures("fmeval_installed")
def test_an_installed_fmeval_passes_the_check() -> None:
    """With its version."""
    assert [Finding("ok", "fmeval 1.2.3")] == [check.run() for check in checks.checks()]


@pytest.mark.usefixtures("ask_again")
@pytest.mark.parametrize("installed", ["", "1.0.1"])
def test_a_missing_or_other_fmeval_is_a_warning(monkeypatch: pytest.MonkeyPatch, installed: str) -> None:
    """It is optional, and can be in another interpreter."""
    monkeypatch.setattr(interpreter, "_installed", lambda: installed)
    (check,) = checks.checks()
    finding = check.run()

    assert ("warning", install_hint("fmeval")) == (finding.status, finding.hint)
