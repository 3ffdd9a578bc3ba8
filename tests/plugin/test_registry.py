"""The registry: shipped and third-party plugins are loaded alike; broken ones and clashes are reported."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_sdk import MissingExtraError, PluginError, SpecError
from llmops_sdk.plugin import (
    Asset,
    Check,
    DatasetCard,
    EvaluatorCard,
    Finding,
    ModelCard,
    TrainerCard,
    hookimpl,
    option,
)
from llmops_sdk.plugin.cards import Card
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.plan import PluginPin

from .plugins import make_plugin


def card(name: str = "thing", **changes: object) -> Card:
    """A dataset card."""
    return DatasetCard(**{"name": name, "summary": "a thing", "load": "nowhere:Thing", **changes})  # type: ignore[arg-type]


# -- loading ------------------------------------------------------------------------------------


def test_the_shipped_plugins_come_from_entry_points() -> None:
    """They are found as any other plugin is, and none is broken."""
    registry = Registry.load()

    assert {"datasets", "prompts", "local", "metrics", "reporters"} <= {plugin.name for plugin in registry.plugins}
    assert [] == [plugin for plugin in registry.plugins if plugin.problem]
    assert {"llmops-sdk"} == {plugin.distribution for plugin in registry.plugins}


def test_disabled_plugins_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """`LLMOPS_DISABLE_PLUGINS` disables a plugin that does harm."""
    monkeypatch.setenv("LLMOPS_DISABLE_PLUGINS", "local, metrics")

    names = {plugin.name for plugin in Registry.load().plugins}

    assert not {"local", "metrics"} & names


def test_a_broken_plugin_breaks_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin whose import fails is listed with its distribution and the cause; the others work."""
    info = tmp_path / "acme_broken-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-broken\nVersion: 1.2\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[llmops_sdk]\nacme = acme_broken_module\n", encoding="utf-8")
    (tmp_path / "acme_broken_module.py").write_text("import not_there_at_all\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))

    registry = Registry.load()

    (broken,) = (plugin for plugin in registry.plugins if plugin.problem)
    assert ("acme", "acme-broken", "1.2") == (broken.name, broken.distribution, broken.version)
    assert "No module named 'not_there_at_all'" in broken.problem
    assert registry.offer("dataset", "sample")
    with pytest.raises(SpecError, match="broken plugins: acme"):
        registry.offer("dataset", "acme-data")
    sys.modules.pop("acme_broken_module", None)


def test_a_plugin_with_a_wrong_card_is_broken() -> None:
    """Its problem is the message about the card, and none of its cards is offered."""
    registry = Registry()
    registry.add("odd", make_plugin(card(), "sample"))

    assert "llmops_cards returned 'sample', which is no card" == registry.plugins[0].problem
    assert [] == registry.offers()


def test_two_plugins_of_one_name_are_reported() -> None:
    """The second one is broken, and its problem names the first one's distribution."""
    registry = Registry()
    registry.add("one", make_plugin(card()), distribution="acme-one", version="1")
    registry.add("one", make_plugin(card("other")), distribution="acme-two", version="2")

    (broken,) = (plugin for plugin in registry.plugins if plugin.problem)
    assert "acme-two" == broken.distribution
    taken = "the plugin name 'one' is taken by acme-one 1 (plugin 'one'); uninstall 'acme-two', or disable it with "
    assert f"{taken}LLMOPS_DISABLE_PLUGINS=acme-two:one" == broken.problem
    assert ["thing"] == [offer.card.name for offer in registry.offers()]


def test_a_plugin_that_exits_ends_nothing(real_data: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is listed with its distribution and what it said; the others work."""
    monkeypatch.syspath_prepend(str(real_data("cases/plugin-exits/plugins")))

    registry = Registry.load()

    (broken,) = (plugin for plugin in registry.plugins if plugin.problem)
    assert "exiting" == broken.distribution
    assert "it called sys.exit('set ACME_LICENCE first')" in broken.problem
    assert registry.offer("evaluator", "qa-accuracy")


def test_a_shipped_plugin_is_not_displaced(real_data: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Another plugin of its name is broken, wherever it is on the path; the advice turns off that one alone."""
    monkeypatch.syspath_prepend(str(real_data("cases/plugin-exits/plugins2")))

    (broken,) = (plugin for plugin in Registry.load().plugins if plugin.problem)

    assert ("metrics", "shadow") == (broken.name, broken.distribution)
    assert broken.problem.endswith("disable it with LLMOPS_DISABLE_PLUGINS=shadow:metrics")
    monkeypatch.setenv("LLMOPS_DISABLE_PLUGINS", "Shadow:metrics")
    registry = Registry.load()
    assert [] == [plugin for plugin in registry.plugins if plugin.problem]
    assert registry.offer("evaluator", "qa-accuracy")


def test_a_card_with_the_name_of_a_shipped_one_is_not_used(registry: Registry) -> None:
    """The plugin's other cards are; `llmops plugins` and `doctor` name the one that is not."""
    registry.add("acme", make_plugin(card("sample"), card("other")), distribution="acme", version="1")

    assert "llmops-sdk" == registry.offer("dataset", "sample").plugin.distribution
    assert "acme" == registry.offer("dataset", "other").plugin.distribution
    assert "dataset 'sample': llmops-sdk has one of this name, which is used" == registry.plugins[-1].ignored


@pytest.mark.parametrize("failure", [SystemExit("no licence"), GeneratorExit(), ValueError("odd")])
def test_a_hook_may_raise_anything_and_print(failure: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
    """The problem has what it raised with file and line; standard output stays empty."""

    class Plugin:
        @hookimpl
        def llmops_cards(self) -> tuple[Card, ...]:
            print("hello")  # noqa: T201 - what a plugin should not do
            raise failure

    registry = Registry()
    registry.add("odd", Plugin())

    assert "(test_registry.py:" in registry.plugins[0].problem
    captured = capsys.readouterr()
    assert ("", "hello\n") == (captured.out, captured.err)


# -- offers -------------------------------------------------------------------------------------


def test_two_cards_of_one_name_are_an_error_where_they_are_used() -> None:
    """The message names both owners, and how to disable one."""
    registry = Registry()
    registry.add("one", make_plugin(card()), distribution="acme-one", version="1")
    registry.add("two", make_plugin(card()), distribution="acme-two", version="2")

    with pytest.raises(PluginError) as raised:
        registry.offer("dataset", "thing")

    assert "acme-one 1 (plugin 'one') and acme-two 2 (plugin 'two')" in str(raised.value)
    assert "LLMOPS_DISABLE_PLUGINS=acme-two:two" in str(raised.value)


def test_offers_are_in_order_of_kind_and_name() -> None:
    """As `llmops plugins` lists them."""
    registry = Registry()
    evaluator = EvaluatorCard(name="a", summary="", load="a:B")
    registry.add("one", make_plugin(evaluator, card("z"), card("b")))

    assert ["b", "z", "a"] == [offer.card.name for offer in registry.offers()]
    assert ["a"] == [offer.card.name for offer in registry.offers("evaluator")]


def test_a_card_is_of_the_class_that_is_asked_for(registry: Registry) -> None:
    """Type checkers then know its attributes."""
    assert "echo-trainer" == registry.card(ModelCard, "echo").trainer
    assert "echo" == registry.card(TrainerCard, "echo-trainer").produces
    with pytest.raises(SpecError, match="no trainer is called 'echo-trainr'; did you mean 'echo-trainer'"):
        registry.card(TrainerCard, "echo-trainr")


def test_an_implementation_that_cannot_be_loaded_names_card_and_owner() -> None:
    """The message has the distribution that must fix it."""
    registry = Registry()
    registry.add("one", make_plugin(card()), distribution="acme-one", version="1")

    with pytest.raises(
        PluginError, match=r"dataset 'thing' of acme-one 1 \(plugin 'one'\) cannot be loaded from 'nowhere:Thing'"
    ):
        registry.make("dataset", "thing", {})


def test_a_model_has_no_implementation(registry: Registry) -> None:
    """Making one is the author's mistake."""
    with pytest.raises(PluginError, match="model 'echo' of plugin 'testing' has no implementation"):
        registry.make("model", "echo", {})


# -- extras -------------------------------------------------------------------------------------


def needy(extra: str = "fast") -> EvaluatorCard:
    return EvaluatorCard(name="needy", summary="x", load="a:B", extra=extra, requires=("not_there_at_all", "json"))


def test_a_missing_extra_is_one_of_the_distribution_that_offers_the_card() -> None:
    """A third party's extra is not reported as one of the SDK's; modules that are installed are not named."""
    registry = Registry()
    registry.add("acme", make_plugin(needy()), distribution="llmops-acme", version="1")

    with pytest.raises(MissingExtraError) as raised:
        registry.make("evaluator", "needy", {})

    assert "evaluator 'needy' needs not_there_at_all: pip install 'llmops-acme[fast]'" == str(raised.value)


@pytest.mark.parametrize(("distribution", "extra"), [("", "fast"), ("llmops-acme", "")])
def test_without_an_extra_the_modules_are_named(distribution: str, extra: str) -> None:
    """A plugin that was added in code has no distribution, and a card may have no extra."""
    registry = Registry()
    registry.add("acme", make_plugin(needy(extra)), distribution=distribution)

    assert ("not_there_at_all",) == registry.offer("evaluator", "needy").missing
    assert "pip install not_there_at_all" == registry.offer("evaluator", "needy").install_hint


# -- settings -----------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Settings:
    """The settings of a plugin."""

    region: str = option("")


def test_settings_are_checked_by_the_class_of_their_plugin() -> None:
    """A plugin that is unknown, broken or without settings is an error; so is an unknown or ill-typed setting."""
    registry = Registry()
    registry.add("cloud", make_plugin(llmops_settings=Settings))
    registry.add("plain", make_plugin())
    registry.add("odd", make_plugin("sample"))

    assert {"region": "north"} == registry.check_settings("cloud", {"region": "north"})
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("clod", {}, "none is called 'clod'; did you mean 'cloud'?"),
        ("plain", {}, "plugin 'plain' has no settings"),
        ("odd", {}, "plugin 'odd' is broken: llmops_cards returned 'sample'"),
        ("cloud", {"regoin": "x"}, "there is no 'regoin'; did you mean 'region'?"),
        ("cloud", {"region": 3}, "settings of 'cloud': expected text, found 3 in region"),
    ]
    for name, given, message in wrong:
        with pytest.raises(SpecError) as raised:
            registry.check_settings(name, given)
        assert message in str(raised.value)


def test_a_card_gets_the_settings_of_its_own_plugin() -> None:
    """Not those of others; none if the pipeline has none for it."""
    registry = Registry()
    registry.add("cloud", make_plugin(card()))
    settings = {"cloud": {"region": "north"}, "other": {"secret": "x"}}

    assert {"region": "north"} == registry.settings_of(settings, "dataset", "thing")
    assert {} == registry.settings_of({"other": {}}, "dataset", "thing")


# -- assets, checks, pins -----------------------------------------------------------------------


def test_assets_and_checks_are_those_of_all_plugins() -> None:
    """A plugin whose checks cannot be listed has one check that reports it."""
    words, other = Asset("words", "a list", 5, {}, ()), Asset("a", "another", 5, {}, ())
    registry = Registry()
    registry.add("one", make_plugin(llmops_assets=(words, other)))
    registry.add("two", make_plugin(llmops_checks=(Check("torch", lambda: Finding("ok", "2.5")),)))
    registry.add("three", make_plugin(llmops_checks=None))

    assert ["a", "words"] == [asset.name for asset in registry.assets()]
    assert words is registry.asset("words")
    with pytest.raises(SpecError, match="no asset is called 'wods'; did you mean 'words'"):
        registry.asset("wods")
    findings = {check.name: check.run() for check in registry.checks()}
    assert Finding("ok", "2.5") == findings["torch"]
    assert "error" == findings["three"].status
    assert findings["three"].text.startswith("llmops_checks failed: TypeError")


def test_a_plan_pins_its_plugins(registry: Registry) -> None:
    """A plan runs only where they are installed and not broken."""
    plan = type("Plan", (), {"plugins": (PluginPin("acme", "llmops-acme", "1.2"),)})()
    other = Registry()

    with pytest.raises(PluginError, match=r"uses plugin .acme., which is not installed: pip install llmops-acme==1\.2"):
        other.check_pins(plan)
    other.add("acme", make_plugin("sample"))
    with pytest.raises(PluginError, match="uses plugin 'acme', which is broken: llmops_cards returned"):
        other.check_pins(plan)
    cards = [offer.card for offer in registry.offers() if offer.plugin.name in ("testing", "datasets")]
    assert ["datasets", "testing"] == [pin.name for pin in registry.pins(cards)]
