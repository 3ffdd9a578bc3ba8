"""The registry: the installed plugins, what they offer, and what is wrong with those that do not load."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from typing import Any, TypeVar

import attrs

from llmops_sdk.assets.asset import Asset
from llmops_sdk.deprecations import collect_deprecations
from llmops_sdk.errors import MissingExtraError, PluginError, SpecError, did_you_mean
from llmops_sdk.plugin.api import DECLARATION, check_api, describe_import_failure
from llmops_sdk.plugin.cards import KINDS, Card, CardKind, ImplementationCard
from llmops_sdk.plugin.checks import Check, Finding
from llmops_sdk.plugin.contents import HookReader, PluginContents
from llmops_sdk.plugin.functions.cards import CARDS, NAME as FUNCTION
from llmops_sdk.plugin.installed import OWN_DISTRIBUTION, InstalledPlugin, install_hint, installed_plugins
from llmops_sdk.plugin.isolation import PLUGIN_FAILURES, describe_failure, prints_to_stderr
from llmops_sdk.values.functions import is_function
from llmops_sdk.values.plan import Plan, PluginPin
from llmops_sdk.values.serial import explain, from_json, to_json

GROUP = "llmops_sdk"
"""The group of the plugins' entry points."""

_BOOLEAN = "; YAML reads yes, no, on and off as true or false: put it in quotes"
_BRACKETS = "; put text with ': ' or brackets in quotes, with --set in two kinds: --set 'KEY=\"text: more\"'"
_HINTS = {
    "True": _BOOLEAN,
    "False": _BOOLEAN,
    "{": _BRACKETS,
    "[": _BRACKETS,
    "None": "; remove the key, or write a text",
}
"""How to write as text what YAML reads as something else, by how its value starts."""

_LONGEST_REASON = 400

C = TypeVar("C", bound=Card)


@attrs.frozen
class Offer:
    """A card and the plugin that offers it."""

    card: Card
    plugin: InstalledPlugin

    @property
    def missing(self) -> tuple[str, ...]:
        """The modules that the card needs and that are not installed; nothing is imported to find out."""
        return tuple(module for module in self.card.requires if find_spec(module) is None)

    @property
    def install_hint(self) -> str:
        """The command that installs what is missing."""
        if self.card.extra and self.plugin.distribution:
            return install_hint(self.card.extra, of=self.plugin.distribution)
        return f"pip install {' '.join(self.missing)}"


class Registry:
    """The cards, assets, settings and checks of the plugins that could be loaded, and the plugins that could not.

    Attributes:
        plugins: All of them, also the broken ones.
    """

    def __init__(self) -> None:
        self.plugins: list[InstalledPlugin] = []
        self._hooks = HookReader()
        self._contents: dict[str, PluginContents] = {}
        self._offers: dict[tuple[str, str], list[Offer]] = {}
        self._classes: dict[str, type] = {}

    @classmethod
    def load(cls) -> Registry:
        """Load the installed plugins.

        Those named in `LLMOPS_DISABLE_PLUGINS`, as `NAME` or `DISTRIBUTION:NAME`, joined by commas, are left out. A
        shipped plugin is never displaced by another one of its name.
        """
        disabled = os.environ.get("LLMOPS_DISABLE_PLUGINS", "").split(",")
        registry = cls()
        for point, plugin in installed_plugins(GROUP):
            if not plugin.is_named_in(disabled):
                registry._load_point(point, plugin)
        return registry

    def add(self, name: str, module: Any, *, distribution: str = "", version: str = "") -> None:
        """Add a plugin: a module or object with the hooks. What is wrong with it is kept as its `problem`."""
        plugin = InstalledPlugin(name, distribution, version)
        if not self._is_taken(plugin):
            with collect_deprecations() as deprecations:
                self._add(plugin, module, deprecations)

    def _add(self, plugin: InstalledPlugin, module: Any, deprecations: list[str]) -> None:
        try:
            with prints_to_stderr():
                check_api(plugin, getattr(module, DECLARATION, None))
                contents = self._hooks.read(plugin.name, module)
        except PLUGIN_FAILURES as exc:
            problem = str(exc) if isinstance(exc, PluginError) else describe_failure(exc)
            self.plugins.append(attrs.evolve(plugin, problem=problem, outdated=tuple(deprecations)))
            return
        displaced = [card for card in contents.cards if self._is_shipped_card(card)]
        if displaced and plugin.distribution != OWN_DISTRIBUTION:
            names = ", ".join(f"{card.kind} {card.name!r}" for card in displaced)
            plugin = attrs.evolve(plugin, ignored=f"{names}: {OWN_DISTRIBUTION} has one of this name, which is used")
            contents = attrs.evolve(contents, cards=tuple(card for card in contents.cards if card not in displaced))
        plugin = attrs.evolve(plugin, outdated=tuple(deprecations))
        self.plugins.append(plugin)
        self._contents[plugin.name] = contents
        for card in contents.cards:
            self._offers.setdefault((card.kind, card.name), []).append(Offer(card, plugin))

    def _is_taken(self, plugin: InstalledPlugin) -> bool:
        """Return whether another plugin has the name; the later one is then broken, and its code is not run."""
        namesake = next((other for other in self.plugins if other.name == plugin.name), None)
        if namesake is None:
            return False
        problem = f"the plugin name {plugin.name!r} is taken by {namesake.owner}; {plugin.how_to_drop}"
        self.plugins.append(attrs.evolve(plugin, problem=problem))
        return True

    def _is_shipped_card(self, card: Card) -> bool:
        offers = self._offers.get((card.kind, card.name), [])
        return any(offer.plugin.distribution == OWN_DISTRIBUTION for offer in offers)

    # -- cards ----------------------------------------------------------------------------------

    def offers(self, kind: CardKind | None = None) -> list[Offer]:
        """Return what is offered, of one kind or of all, in order of kind and name."""
        every = [offer for offers in self._offers.values() for offer in offers]
        chosen = [offer for offer in every if kind in (None, offer.card.kind)]
        return sorted(chosen, key=lambda offer: (KINDS.index(offer.card.kind), offer.card.name))

    def offer(self, kind: CardKind, name: str) -> Offer:
        """Return the one offer of that kind and name; a function of a file (`metrics.py:brevity`) is the core's own.

        Raises:
            SpecError: There is none; the message names the nearest one, and the plugins that are broken.
            PluginError: Two plugins offer it; the message names both.
        """
        offers = self._offers.get((kind, name), [])
        if not offers and kind in CARDS and (name == FUNCTION or is_function(name)):
            return Offer(CARDS[kind], InstalledPlugin(FUNCTION, OWN_DISTRIBUTION, ""))
        if not offers:
            raise SpecError(self._no_offer(kind, name))
        if len(offers) > 1:
            owners = " and ".join(offer.plugin.owner for offer in offers)
            message = f"{kind} {name!r} is offered by {owners}; {offers[1].plugin.how_to_drop}"
            raise PluginError(message)
        return offers[0]

    def card(self, cls: type[C], name: str) -> C:
        """Return the one card of that class and name; raises as `offer` does."""
        card = self.offer(cls.kind, name).card
        if not isinstance(card, cls):
            message = f"{cls.kind} {name!r} is described by a {type(card).__name__}, not by a {cls.__name__}"
            raise PluginError(message)
        return card

    def options(self, card: Card, values: Mapping[str, Any], where: str) -> Any:
        """Make the options of a card from values by name.

        Raises:
            SpecError: An option is unknown, missing or of the wrong type; the message names it and what it may be.
        """
        known = [field.name for field in attrs.fields(card.options)]
        for name in values:
            if name not in known:
                hint = did_you_mean(name, known) if known else "; it has no options"
                message = f"{where} has no option {name!r}{hint}"
                raise SpecError(message)
        return _structured(values, card.options, where)

    def make(self, kind: CardKind, name: str, options: Mapping[str, Any]) -> Any:
        """Make the implementation of a card from its options.

        Raises:
            MissingExtraError: A module that it needs is not installed; the message has the command to type.
            PluginError: Its module or class cannot be loaded.
        """
        offer = self.offer(kind, name)
        self.check_extra(offer)
        return self.implementation(offer)(self.options(offer.card, options, where=f"{kind} {name!r}"))

    def implementation(self, offer: Offer) -> type:
        """Return the class that a card's `load` names.

        Raises:
            PluginError: It cannot be loaded, or the card has no implementation.
        """
        card = offer.card
        if not isinstance(card, ImplementationCard):
            message = f"{card.kind} {card.name!r} of {offer.plugin.owner} has no implementation"
            raise PluginError(message)
        if card.load not in self._classes:
            module_name, _, class_name = card.load.partition(":")
            try:
                with prints_to_stderr():
                    self._classes[card.load] = getattr(import_module(module_name), class_name)
            except PLUGIN_FAILURES as exc:
                reason = describe_failure(exc)
                message = (
                    f"{card.kind} {card.name!r} of {offer.plugin.owner} cannot be loaded from {card.load!r}: {reason}"
                )
                raise PluginError(message) from exc
        return self._classes[card.load]

    def check_extra(self, offer: Offer) -> None:
        """Check that the modules that a card needs are installed.

        Raises:
            MissingExtraError: One is not; the message has the command to type.
        """
        if offer.missing:
            message = f"{offer.card.kind} {offer.card.name!r} needs {', '.join(offer.missing)}: {offer.install_hint}"
            raise MissingExtraError(message)

    def orphan_finder(self, name: str, settings: Mapping[str, Any]) -> Any:
        """Make an orphan finder with the settings of its plugin.

        Raises:
            MissingExtraError: A module that it needs is not installed; the message has the command to type.
        """
        offer = self.offer("orphan-finder", name)
        self.check_extra(offer)
        return self.implementation(offer)(settings)

    # -- settings -------------------------------------------------------------------------------

    def check_settings(self, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Check the settings of a plugin, and return them as JSON.

        Raises:
            SpecError: There is no such plugin, or a setting is unknown, missing or of the wrong type.
        """
        problems = {plugin.name: plugin.problem for plugin in self.plugins}
        if name not in problems:
            message = f"settings are for plugins, and none is called {name!r}{did_you_mean(name, problems)}"
            raise SpecError(message)
        contents = self._contents.get(name)
        if contents is None:
            message = f"plugin {name!r} is broken: {problems[name]}"
            raise SpecError(message)
        if contents.settings is None:
            message = f"plugin {name!r} has no settings"
            raise SpecError(message)
        known = [field.name for field in attrs.fields(contents.settings)]
        for setting in values:
            if setting not in known:
                message = f"settings of {name!r}: there is no {setting!r}{did_you_mean(setting, known)}"
                raise SpecError(message)
        data: dict[str, Any] = to_json(dict(values))
        _structured(data, contents.settings, f"settings of {name!r}")
        return data

    def settings_of(self, settings: Mapping[str, Mapping[str, Any]], kind: CardKind, name: str) -> Mapping[str, Any]:
        """Return those of a pipeline's settings that belong to the plugin which offers a card.

        Args:
            settings: Plugin name to its settings.
            kind: The card's kind.
            name: The card's name.
        """
        return settings.get(self.offer(kind, name).plugin.name, {})

    # -- assets and checks ----------------------------------------------------------------------

    def assets(self) -> list[Asset]:
        """Return the assets of all plugins, by name."""
        by_name = self._assets()
        return [by_name[name] for name in sorted(by_name)]

    def asset(self, name: str) -> Asset:
        """Return one asset.

        Raises:
            SpecError: No plugin has it.
        """
        by_name = self._assets()
        if name not in by_name:
            message = f"no asset is called {name!r}{did_you_mean(name, by_name)}"
            raise SpecError(message)
        return by_name[name]

    def checks(self) -> list[Check]:
        """Return the checks of all plugins; a plugin whose hook fails has one check that reports it."""
        checks: list[Check] = []
        for name in self._contents:
            try:
                with prints_to_stderr():
                    checks.extend(self._hooks.checks(name))
            except PLUGIN_FAILURES as exc:
                failure = Finding("error", f"llmops_checks failed: {describe_failure(exc)}")
                checks.append(Check(name, lambda failure=failure: failure))  # type: ignore[misc]
        return checks

    # -- plugins --------------------------------------------------------------------------------

    def module(self, name: str) -> Any:
        """Return the module or object with the hooks of a plugin; None if no such plugin could be loaded."""
        return self._hooks.module(name)

    def pins(self, cards: Iterable[Card]) -> tuple[PluginPin, ...]:
        """Return the plugins that offer these cards, pinned to what is installed."""
        owners = {self.offer(card.kind, card.name).plugin for card in cards}
        return tuple(
            PluginPin(plugin.name, plugin.distribution, plugin.version)
            for plugin in sorted(owners, key=lambda plugin: plugin.name)
        )

    def check_pins(self, plan: Plan) -> None:
        """Check that every plugin of a plan is installed.

        Raises:
            PluginError: One is missing or broken; the message names it and its distribution.
        """
        installed = {plugin.name: plugin for plugin in reversed(self.plugins)}
        for pin in plan.plugins:
            plugin = installed.get(pin.name)
            if plugin is None:
                hint = f": pip install {pin.distribution}=={pin.version}" if pin.distribution else ""
                message = f"the plan uses plugin {pin.name!r}, which is not installed{hint}"
                raise PluginError(message)
            if plugin.problem:
                message = f"the plan uses plugin {pin.name!r}, which is broken: {plugin.problem}"
                raise PluginError(message)

    def broken_hint(self) -> str:
        """Return the end of a message about something that no plugin offers: the plugins that are broken, if any."""
        broken = [plugin.name for plugin in self.plugins if plugin.problem]
        return f" (broken plugins: {', '.join(broken)}; see: llmops plugins)" if broken else ""

    def _load_point(self, point: EntryPoint, plugin: InstalledPlugin) -> None:
        if self._is_taken(plugin):
            return
        with collect_deprecations() as deprecations:
            try:
                with prints_to_stderr():
                    module = point.load()
            except PLUGIN_FAILURES as exc:
                problem = describe_import_failure(plugin, point.module, exc)
                self.plugins.append(attrs.evolve(plugin, problem=problem, outdated=tuple(deprecations)))
                return
            self._add(plugin, module, deprecations)

    def _no_offer(self, kind: CardKind, name: str) -> str:
        hint = did_you_mean(name, [card_name for card_kind, card_name in self._offers if card_kind == kind])
        if "/" in name and kind == "model":
            return f"no model is called {name!r}; for weights in Hugging Face's form use model 'huggingface' with weights={name!r}"
        if "/" in name:
            article = "an" if kind[0] in "aeiou" else "a"
            return f"{article} {kind} is called by its card's name, not {name!r}{hint}{self.broken_hint()}"
        return f"no {kind} is called {name!r}{hint}{self.broken_hint()}"

    def _assets(self) -> dict[str, Asset]:
        by_name: dict[str, Asset] = {}
        for contents in self._contents.values():
            for asset in contents.assets:
                by_name.setdefault(asset.name, asset)
        return by_name


def _structured(values: Mapping[str, Any], cls: type, where: str) -> Any:
    try:
        return from_json(to_json(dict(values)), cls)
    except Exception as exc:
        reason = explain(exc)
        hint = next((hint for start, hint in _HINTS.items() if f"expected text, found {start}" in reason), "")
        message = f"{where}: {reason if len(reason) <= _LONGEST_REASON else f'{reason[:_LONGEST_REASON]}…'}{hint}"
        raise SpecError(message) from exc
