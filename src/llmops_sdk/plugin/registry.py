"""The registry: which plugins are installed, what they offer, and what is wrong with the ones that do not load."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import attrs
import pluggy

from llmops_sdk.assets.asset import Asset
from llmops_sdk.errors import MissingExtraError, PluginError, SpecError, did_you_mean
from llmops_sdk.plugin import hookspecs
from llmops_sdk.plugin.cards import Card, CardKind, ModelCard, StoreCard
from llmops_sdk.plugin.checks import Check, Finding
from llmops_sdk.record.stores import Store
from llmops_sdk.values.plan import Plan, PluginPin
from llmops_sdk.values.serial import explain, from_json, to_json

GROUP = "llmops_sdk"
KINDS: tuple[CardKind, ...] = (
    "dataset", "prompt", "model", "trainer", "deployer", "evaluator", "executor", "reporter", "store", "orphan-finder",
)  # fmt: skip


@attrs.frozen
class Plugin:
    """An installed plugin.

    Attributes:
        name: Of its entry point.
        distribution: The distribution that brings it, as pip knows it.
        version: Of the distribution.
        problem: Why it is broken; empty when it is not.
    """

    name: str
    distribution: str
    version: str
    problem: str = ""


@attrs.frozen
class Offer:
    """A card and the plugin that offers it."""

    card: Card
    plugin: Plugin


class Registry:
    """The cards, assets and checks of the plugins that could be loaded, and the plugins that could not.

    Attributes:
        plugins: All of them, broken ones too.
    """

    def __init__(self) -> None:
        self.plugins: list[Plugin] = []
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._offers: dict[tuple[str, str], list[Offer]] = {}
        self._assets: dict[str, Asset] = {}
        self._modules: list[Any] = []
        self._classes: dict[str, type] = {}
        self._settings: dict[str, type] = {}

    @classmethod
    def load(cls) -> Registry:
        """Load the installed plugins; those named in `LLMOPS_DISABLE_PLUGINS` (joined by commas) are left out."""
        disabled = {name.strip() for name in os.environ.get("LLMOPS_DISABLE_PLUGINS", "").split(",")}
        registry = cls()
        for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
            if point.name not in disabled:
                registry._load_point(point)
        return registry

    def add(self, name: str, module: Any, *, distribution: str = "", version: str = "") -> None:
        """Take in a plugin: a module or object with the hooks. What is wrong with it is kept as its problem."""
        plugin = Plugin(name, distribution, version)
        clash = next((other for other in self.plugins if other.name == name), None)
        if clash is not None:
            problem = (
                f"the plugin name {name!r} is taken by {_owner(clash)}; disable one with LLMOPS_DISABLE_PLUGINS={name}"
            )
            self.plugins.append(attrs.evolve(plugin, problem=problem))
            return
        try:
            self._take_in(plugin, module)
        except Exception as exc:  # noqa: BLE001 - all that can go wrong goes to the parent
            self.plugins.append(attrs.evolve(plugin, problem=f"{type(exc).__name__}: {exc}"))
            return
        self.plugins.append(plugin)

    # -- cards ----------------------------------------------------------------------------------

    def offers(self, kind: CardKind | None = None) -> list[Offer]:
        """Return what is offered, of one kind or of all, in order of kind and name."""
        found = [offer for offers in self._offers.values() for offer in offers]
        chosen = [offer for offer in found if kind in (None, offer.card.kind)]
        return sorted(chosen, key=lambda offer: (KINDS.index(offer.card.kind), offer.card.name))

    def offer(self, kind: CardKind, name: str) -> Offer:
        """Return the one offer of that kind and name.

        Raises:
            SpecError: There is none; says what is near, and which plugins are broken.
            PluginError: Two plugins offer it; names both.
        """
        offers = self._offers.get((kind, name), [])
        if not offers:
            hint = did_you_mean(name, [card_name for card_kind, card_name in self._offers if card_kind == kind])
            tail = self._broken()
            article = "an" if kind[0] in "aeiou" else "a"
            message = f"no {kind} is called {name!r}{hint}{tail}"
            if "/" in name:
                message = f"{article} {kind} is called by its plugin's name, not {name!r}{hint}{tail}"
            if "/" in name and kind == "model":
                message = f"no model is called {name!r}; for weights in Hugging Face's form use model 'huggingface' with weights={name!r}"
            raise SpecError(message)
        if len(offers) > 1:
            owners = " and ".join(_owner(offer.plugin) for offer in offers)
            message = f"{kind} {name!r} is offered by {owners}; disable one with LLMOPS_DISABLE_PLUGINS={offers[1].plugin.name}"
            raise PluginError(message)
        return offers[0]

    def options(self, card: Card, given: Mapping[str, Any], where: str) -> Any:
        """Make the options of a card from what was given.

        Raises:
            SpecError: An unknown, missing or ill-typed option; says which and what it may be.
        """
        known = [field.name for field in attrs.fields(card.options)]
        for name in given:
            if name not in known:
                hint = did_you_mean(name, known) if known else "; it has no options"
                message = f"{where} has no option {name!r}{hint}"
                raise SpecError(message)
        return _structured(given, card.options, where)

    def make(self, kind: CardKind, name: str, given: Mapping[str, Any]) -> Any:
        """Make the implementation of a card from its options.

        Raises:
            MissingExtraError: What it imports is not installed; says what to type.
            PluginError: Its module or class cannot be loaded.
        """
        offer = self.offer(kind, name)
        card = offer.card
        self.check_extra(card)
        options = self.options(card, given, where=f"{kind} {name!r}")
        return self._class(offer)(options)

    def check_extra(self, card: Card) -> None:
        """Check, without importing them, that the modules a card needs are installed.

        Raises:
            MissingExtraError: Says what to type.
        """
        missing = [module for module in card.requires if find_spec(module) is None]
        if missing:
            hint = f"pip install 'llmops-sdk[{card.extra}]'" if card.extra else f"pip install {' '.join(missing)}"
            message = f"{card.kind} {card.name!r} needs {', '.join(missing)}: {hint}"
            raise MissingExtraError(message)

    def open_store(self, uri: str, settings: Mapping[str, Mapping[str, Any]], *, offline: bool = False) -> Store:
        """Open the store of a URI's scheme.

        Args:
            uri: `scheme://...`.
            settings: Plugin name to its settings; the store gets those of its own plugin.
            offline: Whether the network must not be touched.

        Raises:
            SpecError: No store opens such URIs; says what there is. Or it needs the network.
            MissingExtraError: What the store imports is not installed; says what to type.
            StoreError: It cannot be reached as this URI and these settings say.
        """
        scheme = uri.partition("://")[0]
        if ("store", scheme) not in self._offers:
            known = ", ".join(["a folder", *(f"{offer.card.name}://..." for offer in self.offers("store"))])
            message = f"no store opens '{scheme}://' URIs; known: {known}{self._broken()}"
            raise SpecError(message)
        offer = self.offer("store", scheme)
        self.check_extra(offer.card)
        if offline and isinstance(offer.card, StoreCard) and offer.card.needs_network:
            message = f"the store {uri!r} needs the network, and this run is offline: keep it in a folder"
            raise SpecError(message)
        opened: Store = self._class(offer)(uri, settings.get(offer.plugin.name, {}))
        return opened

    def settings(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Check the settings of a plugin, and return those that were given as JSON.

        Raises:
            SpecError: There is no such plugin, or an unknown, missing or ill-typed setting; says which.
        """
        plugins = [plugin.name for plugin in self.plugins]
        if name not in plugins:
            message = f"settings are for plugins, and none is called {name!r}{did_you_mean(name, plugins)}"
            raise SpecError(message)
        if name not in self._settings:
            problem = next((plugin.problem for plugin in self.plugins if plugin.name == name), "")
            message = f"plugin {name!r} is broken: {problem}" if problem else f"plugin {name!r} has no settings"
            raise SpecError(message)
        cls = self._settings[name]
        known = [field.name for field in attrs.fields(cls)]
        for setting in given:
            if setting not in known:
                message = f"settings of {name!r}: there is no {setting!r}{did_you_mean(setting, known)}"
                raise SpecError(message)
        data: dict[str, Any] = to_json(dict(given))
        _structured(data, cls, f"settings of {name!r}")
        return data

    def orphan_finder(self, name: str, settings: Mapping[str, Any]) -> Any:
        """Make a sweeper with the settings of its plugin.

        Raises:
            MissingExtraError: What it imports is not installed; says what to type.
        """
        offer = self.offer("orphan-finder", name)
        self.check_extra(offer.card)
        return self._class(offer)(settings)

    # -- the rest -------------------------------------------------------------------------------

    def assets(self) -> list[Asset]:
        """Return the assets that plugins know, by name."""
        return [self._assets[name] for name in sorted(self._assets)]

    def asset(self, name: str) -> Asset:
        """Return one asset.

        Raises:
            SpecError: No plugin knows it.
        """
        if name not in self._assets:
            message = f"no asset is called {name!r}{did_you_mean(name, self._assets)}"
            raise SpecError(message)
        return self._assets[name]

    def checks(self) -> list[Check]:
        """Return the checks of all plugins; a plugin whose hook fails is a check that finds that."""
        found: list[Check] = []
        for module in self._modules:
            try:
                found.extend(self._call(module, "llmops_checks"))
            except Exception as exc:  # noqa: BLE001 - all that can go wrong goes to the parent
                name, broken = (
                    self._manager.get_name(module) or "plugin",
                    Finding("error", f"llmops_checks failed: {exc}"),
                )
                found.append(Check(name, lambda broken=broken: broken))  # type: ignore[misc]
        return found

    def pins(self, used: Iterable[Card]) -> tuple[PluginPin, ...]:
        """Return the plugins that offer these cards, pinned to what is installed."""
        owners = {self.offer(card.kind, card.name).plugin for card in used}
        return tuple(
            PluginPin(plugin.name, plugin.distribution, plugin.version)
            for plugin in sorted(owners, key=lambda plugin: plugin.name)
        )

    def module(self, name: str) -> Any:
        """Return what a plugin is: its module or object with the hooks; None where no such plugin could be loaded."""
        return self._manager.get_plugin(name)

    def check_pins(self, plan: Plan) -> None:
        """Check that every plugin of a plan is here.

        Raises:
            PluginError: One is absent or broken; names it and its distribution.
        """
        for pin in plan.plugins:
            found = next((plugin for plugin in self.plugins if plugin.name == pin.name), None)
            if found is None:
                hint = f": pip install {pin.distribution}=={pin.version}" if pin.distribution else ""
                message = f"the plan uses plugin {pin.name!r}, which is not installed here{hint}"
                raise PluginError(message)
            if found.problem:
                message = f"the plan uses plugin {pin.name!r}, which is broken here: {found.problem}"
                raise PluginError(message)

    def _load_point(self, point: EntryPoint) -> None:
        distribution = point.dist.name if point.dist else ""
        version = point.dist.version if point.dist else ""
        try:
            module = point.load()
        except Exception as exc:  # noqa: BLE001 - all that can go wrong goes to the parent
            problem = f"cannot be imported: {type(exc).__name__}: {exc}"
            self.plugins.append(Plugin(point.name, distribution, version, problem))
            return
        self.add(point.name, module, distribution=distribution, version=version)

    def _take_in(self, plugin: Plugin, module: Any) -> None:
        self._manager.register(module, name=plugin.name)
        try:
            self._manager.check_pending()
            cards = self._call(module, "llmops_cards")
            assets = self._call(module, "llmops_assets")
            settings = self._settings_of(module)
            for card in cards:
                if not isinstance(card, Card) or card.kind not in KINDS:
                    message = f"a hook returned {card!r}, which is no card"
                    raise PluginError(message)  # noqa: TRY301 - it is this plugin's problem, kept by the caller
                _check_options(card)
        except BaseException:
            self._manager.unregister(module)
            raise
        for card in cards:
            self._offers.setdefault((card.kind, card.name), []).append(Offer(card, plugin))
        for asset in assets:
            self._assets.setdefault(asset.name, asset)
        if settings is not None:
            self._settings[plugin.name] = settings
        self._modules.append(module)

    def _class(self, offer: Offer) -> type:
        if offer.card.load not in self._classes:
            self._classes[offer.card.load] = _load_class(offer)
        return self._classes[offer.card.load]

    def _broken(self) -> str:
        broken = [plugin.name for plugin in self.plugins if plugin.problem]
        return f" (broken plugins: {', '.join(broken)}; see: llmops plugins)" if broken else ""

    def _settings_of(self, module: Any) -> type | None:
        """Return the class of a plugin's settings, or None where it has none."""
        impls = [impl for impl in self._manager.hook.llmops_settings.get_hookimpls() if impl.plugin is module]
        cls: Any = impls[0].function() if impls else None
        if cls is not None and not (isinstance(cls, type) and attrs.has(cls)):
            message = f"llmops_settings returned {cls!r}, which is no attrs class"
            raise PluginError(message)
        return cls

    def _call(self, module: Any, hook: str) -> list[Any]:
        """Call one plugin's implementation of a hook; pluggy's own call would not say whose result is whose."""
        caller = getattr(self._manager.hook, hook)
        return [item for impl in caller.get_hookimpls() if impl.plugin is module for item in impl.function()]


def _structured(given: Mapping[str, Any], cls: type, where: str) -> Any:
    try:
        return from_json(to_json(dict(given)), cls)
    except Exception as exc:
        message = f"{where}: {explain(exc)}"
        raise SpecError(message) from exc


def _check_options(card: Card) -> None:
    if not attrs.has(card.options):
        message = f"the options of {card.kind} {card.name!r} are {card.options!r}, which is no attrs class"
        raise PluginError(message)
    if isinstance(card, ModelCard) and not hasattr(card.options, "base_model"):
        message = f"the options of model {card.name!r} have no method base_model()"
        raise PluginError(message)


def _load_class(offer: Offer) -> type:
    module_name, _, class_name = offer.card.load.partition(":")
    try:
        module: ModuleType = import_module(module_name)
        found: type = getattr(module, class_name)
    except Exception as exc:
        message = f"{offer.card.kind} {offer.card.name!r} of {_owner(offer.plugin)} cannot be loaded from {offer.card.load!r}: {exc}"
        raise PluginError(message) from exc
    return found


def _owner(plugin: Plugin) -> str:
    return (
        f"{plugin.distribution} {plugin.version}".strip() + f" (plugin {plugin.name!r})"
        if plugin.distribution
        else f"plugin {plugin.name!r}"
    )
