from __future__ import annotations

from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING

from llmops_plugins.datasets import checks, hooks
from llmops_sdk.plugin import install_hint

if TYPE_CHECKING:
    import pytest

CHECKS = {check.name: check.run for check in hooks.llmops_checks()}


def test_the_bundled_records_are_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """If the file cannot be read, the hint repairs the installation."""
    run = CHECKS["bundled dataset"]
    assert ("ok", "sample: 268 records") == (run().status, run().text)
    monkeypatch.setattr(checks, "SAMPLE", tmp_path / "gone.jsonl")
    assert run().status == "error"
    assert "gone.jsonl" in run().text
    assert run().hint


def test_the_library_of_hub_datasets_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check has the library's version, or the command that installs it."""
    run = CHECKS["datasets library"]
    if util.find_spec("datasets"):
        assert run().status == "ok"
        assert run().text.startswith("datasets ")
    monkeypatch.setattr(util, "find_spec", lambda _: None)
    assert ("warning", install_hint("datasets")) == (run().status, run().hint)
