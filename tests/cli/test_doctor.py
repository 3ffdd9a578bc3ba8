"""What the doctor finds about plugins that are broken or lack a package, and about damaged assets."""

from __future__ import annotations

from pathlib import Path

import pytest

import llmops_sdk.testing
from llmops_sdk import Pipeline, Progress
from llmops_sdk.assets.asset import get_asset
from llmops_sdk.cli.doctor import checks
from llmops_sdk.plugin import (
    Asset,
    Check,
    EvaluatorCard,
    Finding,
    FolderSource,
    LLMOpsDeprecationWarning,
    hookimpl,
)
from llmops_sdk.plugin.registry import Registry


class Far:
    """A plugin with a card that needs a package that is not installed."""

    def __init__(self, asset: Asset) -> None:
        self.asset = asset

    @hookimpl
    def llmops_cards(self) -> tuple[EvaluatorCard, ...]:
        """Two evaluators."""
        near = EvaluatorCard(name="near", summary="needs nothing", load="far:Near")
        needs = ("json", "no_such_module")
        return near, EvaluatorCard(name="far", summary="needs more", load="far:Far", extra="far", requires=needs)

    @hookimpl
    def llmops_assets(self) -> tuple[Asset, ...]:
        """One."""
        return (self.asset,)


class Broken:
    """A plugin that cannot be loaded."""

    @hookimpl
    def llmops_cards(self) -> tuple[EvaluatorCard, ...]:
        """Fail."""
        message = "it is broken"
        raise RuntimeError(message)


@pytest.fixture(name="words")
def _words(tmp_path: Path) -> Asset:
    (tmp_path / "words.txt").write_text("words", encoding="utf-8")
    source = FolderSource("a folder", (tmp_path,), {"words.txt": "words.txt"})
    return Asset("words", "a list of words", 5, {"words.txt": ""}, (source,))


@pytest.fixture(name="registry")
def _registry(words: Asset) -> Registry:
    registry = Registry()
    registry.add("testing", llmops_sdk.testing)
    registry.add("far", Far(words), distribution="far-away", version="2.0")
    registry.add("broken", Broken())
    return registry


def run_all(checks_of_machine: list[Check]) -> dict[str, Finding]:
    """Return the finding of each check by its name."""
    return {check.name: check.run() for check in checks_of_machine}


def test_plugins_are_checked(registry: Registry, tmp_path: Path) -> None:
    """A broken one is an error; a card that cannot be used is named with the missing module and the extra that has it."""
    findings = run_all(checks(registry, tmp_path / "home"))

    assert Finding("ok", "testing") == findings["plugin testing"]
    assert Finding("error", "RuntimeError: it is broken (test_doctor.py:51)") == findings["plugin broken"]
    missing = "not installed: no_such_module; needed by evaluator 'far'"
    assert Finding("warning", missing, "pip install 'far-away[far]'") == findings["plugin far"]


def test_an_outdated_plugin_is_a_warning_beside_its_other_findings(
    registry: Registry, words: Asset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It works until the version that removes what it uses."""
    monkeypatch.setattr("llmops_sdk.plugin.api.API_VERSION", "2.0")
    with pytest.warns(LLMOpsDeprecationWarning):
        registry.add("old", Far(words), distribution="old-one", version="1.0")

    findings = [check.run() for check in checks(registry, tmp_path / "home") if check.name == "plugin old"]

    assert ["warning", "warning"] == [finding.status for finding in findings]
    assert "not installed: no_such_module" in findings[0].text
    assert findings[1].text.endswith("if a version for that exists: pip install --upgrade old-one")


def test_a_pipeline_that_lacks_an_extra_is_a_finding(registry: Registry, tmp_path: Path) -> None:
    """The other checks are made too."""
    pipeline = Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_model("echo").with_evaluator("far")
    findings = run_all(checks(registry, tmp_path / "home", pipeline=pipeline))

    assert "error" == findings["pipeline p"].status
    assert "evaluator 'far' needs no_such_module: pip install " in findings["pipeline p"].text
    assert "plugin far" in findings


def test_a_damaged_asset_is_missing(registry: Registry, words: Asset, tmp_path: Path) -> None:
    """The finding says what is wrong with it; that of an intact asset has its folder."""
    home = tmp_path / "home"
    folder = get_asset(words, home, progress=Progress())
    assert Finding("ok", f"'{folder}'") == run_all(checks(registry, home, offline=True))["asset words"]

    (folder / "words.txt").write_text("cut", encoding="utf-8")
    broken = run_all(checks(registry, home, offline=True))["asset words"]
    assert ("error", "'words.txt' has 3 bytes, not 5") == (broken.status, broken.text)
