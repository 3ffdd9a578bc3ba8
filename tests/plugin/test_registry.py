"""The registry: default and foreign plugins by one road, broken ones and clashes told apart."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from llmops_sdk.errors import MissingExtraError, PluginError, SpecError
from llmops_sdk.plugin import DatasetCard, EvaluatorCard, hookimpl
from llmops_sdk.plugin.cards import Card
from llmops_sdk.plugin.registry import Registry


def plugin(*cards: object) -> ModuleType:
    """A plugin module with these cards."""
    module = ModuleType("made")
    module.llmops_cards = hookimpl(lambda: cards)  # type: ignore[attr-defined]
    module.llmops_cards.__name__ = "llmops_cards"
    return module


def card(name: str = "thing", **changes: object) -> Card:
    """A dataset card."""
    return DatasetCard(**{"name": name, "summary": "a thing", "load": "nowhere:Thing", **changes})  # type: ignore[arg-type]


def test_default_plugins_come_from_entry_points() -> None:
    """The shipped plugins are found as any other is, and none is broken."""
    registry = Registry.load()

    assert {"datasets", "prompts", "local", "metrics"} <= {plugin.name for plugin in registry.plugins}
    assert [] == [plugin for plugin in registry.plugins if plugin.problem]
    assert {"llmops-sdk"} == {plugin.distribution for plugin in registry.plugins}


def test_disabled_plugins_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """`LLMOPS_DISABLE_PLUGINS` is the way out of a plugin that does harm."""
    monkeypatch.setenv("LLMOPS_DISABLE_PLUGINS", "local, metrics")

    names = {plugin.name for plugin in Registry.load().plugins}

    assert not {"local", "metrics"} & names


def test_a_broken_plugin_breaks_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin whose import fails is listed with its distribution and cause; the others work."""
    info = tmp_path / "acme_broken-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-broken\nVersion: 1.2\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[llmops_sdk]\nacme = acme_broken_module\n", encoding="utf-8")
    (tmp_path / "acme_broken_module.py").write_text("import not_there_at_all\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))

    registry = Registry.load()

    (broken,) = (found for found in registry.plugins if found.problem)
    assert ("acme", "acme-broken", "1.2") == (broken.name, broken.distribution, broken.version)
    assert "No module named 'not_there_at_all'" in broken.problem
    assert registry.offer("dataset", "sample")
    with pytest.raises(SpecError, match="broken plugins: acme"):
        registry.offer("dataset", "acme-data")
    sys.modules.pop("acme_broken_module", None)


def test_a_clash_of_cards_names_both_owners() -> None:
    """Two plugins with one card name: its use is an error that names both, and how to get out."""
    registry = Registry()
    registry.add("one", plugin(card()), distribution="acme-one", version="1")
    registry.add("two", plugin(card()), distribution="acme-two", version="2")

    with pytest.raises(PluginError) as found:
        registry.offer("dataset", "thing")

    assert "acme-one 1 (plugin 'one') and acme-two 2 (plugin 'two')" in str(found.value)
    assert "LLMOPS_DISABLE_PLUGINS=two" in str(found.value)


def test_a_clash_of_plugin_names_names_the_first_owner() -> None:
    """A second plugin of the same name is broken, not silently skipped."""
    registry = Registry()
    registry.add("one", plugin(card()), distribution="acme-one", version="1")
    registry.add("one", plugin(card("other")), distribution="acme-two", version="2")

    (broken,) = (found for found in registry.plugins if found.problem)
    assert "acme-two" == broken.distribution
    assert "taken by acme-one 1" in broken.problem


def test_a_misspelt_hook_is_a_problem() -> None:
    """A hook that no specification knows is told, not ignored."""
    module = ModuleType("made")

    def llmops_card() -> tuple[()]:
        return ()

    module.llmops_card = hookimpl(llmops_card)  # type: ignore[attr-defined]
    registry = Registry()
    registry.add("misspelt", module)

    assert "llmops_card" in registry.plugins[0].problem


def test_what_is_no_card_is_a_problem() -> None:
    """A plugin that returns something else is broken, and says what it returned."""
    registry = Registry()
    registry.add("odd", plugin("sample"))

    assert "'sample', which is no card" in registry.plugins[0].problem


def test_an_implementation_that_is_not_there_names_card_and_owner() -> None:
    """A card whose module cannot be loaded is the plugin's fault, and says whose."""
    registry = Registry()
    registry.add("one", plugin(card()), distribution="acme-one", version="1")

    with pytest.raises(
        PluginError, match=r"dataset 'thing' of acme-one 1 \(plugin 'one'\) cannot be loaded from 'nowhere:Thing'"
    ):
        registry.make("dataset", "thing", {})


def test_a_missing_extra_says_what_to_type() -> None:
    """What a card needs is looked for without importing it."""
    registry = Registry()
    needy = EvaluatorCard(name="needy", summary="x", load="a:B", extra="metrics", requires=("not_there_at_all",))
    registry.add("one", plugin(needy))

    with pytest.raises(MissingExtraError, match=r"needs not_there_at_all: pip install 'llmops-sdk\[metrics\]'"):
        registry.make("evaluator", "needy", {})


@pytest.mark.parametrize("name", ["Thing", "two words", "a_b", "-a", ""])
def test_card_names_are_plain(name: str) -> None:
    """A card's name can stand in a file, a command line and a URL."""
    with pytest.raises(ValueError, match="lower-case words joined by hyphens"):
        card(name)
