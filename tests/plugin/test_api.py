"""The version of the plugins' API: what a plugin declares decides whether it is used, used with a warning, or refused."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

import llmops_sdk
from llmops_sdk.deprecations import Deprecation, LLMOpsDeprecationWarning
from llmops_sdk.plugin import API_VERSION, DatasetCard, api
from llmops_sdk.plugin.registry import Registry

from .plugins import make_plugin

CARD = DatasetCard(name="thing", summary="A thing.", load="nowhere:Thing")
OWN = f"llmops-sdk {llmops_sdk.__version__}"


def load(declared: Any = None) -> Registry:
    """Return a registry with a plugin that declares this."""
    plugin = make_plugin(CARD)
    if declared is not None:
        plugin.LLMOPS_API = declared  # type: ignore[attr-defined]
    registry = Registry()
    registry.add("acme", plugin, distribution="llmops-acme", version="1.2")
    return registry


def install(folder: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Install a distribution whose hooks are this source, and return a registry of all that is installed."""
    metadata = folder / "llmops_acme-1.2.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: llmops-acme\nVersion: 1.2\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text("[llmops_sdk]\nacme = acme_hooks\n", encoding="utf-8")
    (folder / "acme_hooks.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "acme_hooks", raising=False)
    return Registry.load()


def test_the_version_is_major_and_minor() -> None:
    """Plugins compare both."""
    assert re.fullmatch(r"\d+\.\d+", API_VERSION)


@pytest.mark.parametrize("declared", [None, "1.0", API_VERSION])
def test_a_plugin_for_this_version_or_an_earlier_minor_one_is_used(declared: str | None) -> None:
    """So is one that declares nothing: it is taken as written for the first version."""
    registry = load(declared)

    assert CARD is registry.offer("dataset", "thing").card
    assert ("", ()) == (registry.plugins[0].problem, registry.plugins[0].outdated)


@pytest.mark.parametrize("declared", ["99.0", "1.99"])
def test_a_plugin_for_a_later_version_is_refused(declared: str) -> None:
    """Its problem states both versions and what to type, and none of its cards is offered."""
    (plugin,) = load(declared).plugins

    assert (
        f"it needs plugin API {declared}, and {OWN} has {API_VERSION}: pip install --upgrade llmops-sdk, "
        "or a version of llmops-acme before 1.2"
    ) == plugin.problem
    assert [] == load(declared).offers()


def test_a_plugin_for_an_earlier_major_version_is_used_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Authors see it in their tests, and users in `llmops plugins` and `llmops doctor`."""
    monkeypatch.setattr(api, "API_VERSION", "2.1")

    with pytest.warns(LLMOpsDeprecationWarning, match="was written for plugin API 1.0"):
        registry = load("1.0")

    assert CARD is registry.offer("dataset", "thing").card
    (line,) = registry.plugins[0].outdated
    assert line == (
        f"plugin 'acme' was written for plugin API 1.0, and {OWN} has 2.1; "
        "if a version for that exists: pip install --upgrade llmops-acme"
    )


@pytest.mark.parametrize("declared", [1.0, "1", "latest", ""])
def test_what_is_no_version_is_refused(declared: object) -> None:
    """The message has the line to write."""
    (plugin,) = load(declared).plugins

    assert f'LLMOPS_API is {declared!r}; write the version of the plugin API as text: LLMOPS_API = "{API_VERSION}"' == (
        plugin.problem
    )


def test_a_plugin_that_imports_what_a_later_version_has_is_named_with_that_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its import fails before the declaration can be read from the module; the source shows it."""
    source = 'from llmops_sdk.plugin import NotYetThere\n\nLLMOPS_API: str = "99.1"\n'

    registry = install(tmp_path, source, monkeypatch)

    (broken,) = (plugin for plugin in registry.plugins if plugin.problem)
    assert "llmops-acme" == broken.distribution
    assert broken.problem.startswith(f"it needs plugin API 99.1, and {OWN} has {API_VERSION}: ")


def test_a_plugin_that_cannot_be_imported_for_another_reason_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version that it declares fits."""
    registry = install(tmp_path, 'LLMOPS_API = "1.0"\nimport not_there_at_all\n', monkeypatch)

    (broken,) = (plugin for plugin in registry.plugins if plugin.problem)
    assert broken.problem.startswith("cannot be imported: ModuleNotFoundError: No module named 'not_there_at_all'")


def test_a_plugin_that_uses_a_deprecated_name_is_used_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line that `llmops plugins` shows is the warning of the name."""
    monkeypatch.setattr(
        llmops_sdk.plugin, "_DEPRECATED", {"Hook": Deprecation("hookimpl", since="0.1", removal="99.0")}
    )
    source = "from llmops_sdk.plugin import Hook\n\n@Hook\ndef llmops_cards():\n    return ()\n"

    with pytest.warns(LLMOpsDeprecationWarning):
        registry = install(tmp_path, source, monkeypatch)

    (plugin,) = (plugin for plugin in registry.plugins if plugin.outdated)
    assert ("acme", "") == (plugin.name, plugin.problem)
    assert ("llmops_sdk.plugin.Hook is deprecated since llmops-sdk 0.1, and 99.0 removes it: use hookimpl",) == (
        plugin.outdated
    )
