"""Choosing the cards that a specification names, and making their options."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import attrs

from llmops_sdk.errors import PluginError, SpecError, UserError
from llmops_sdk.planning.functions import function_options
from llmops_sdk.planning.paths import locate_paths
from llmops_sdk.planning.secrets import refuse_secret_urls
from llmops_sdk.planning.specification.spec import ComponentSpec, ModelSpec
from llmops_sdk.plugin.cards import Card, CardKind
from llmops_sdk.plugin.functions.cards import CARDS
from llmops_sdk.plugin.isolation import PLUGIN_FAILURES, describe_failure, prints_to_stderr
from llmops_sdk.plugin.options import Options
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.functions import is_function, shown_options
from llmops_sdk.values.names import name_from
from llmops_sdk.values.plan import Component, PluginPin
from llmops_sdk.values.serial import digest

T = TypeVar("T")

LONGEST_NAME, LONGEST_PIPELINE_NAME = 100, 256
"""The most characters of a name that a specification gives."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@attrs.frozen
class Chosen:
    """A card that a specification names.

    Attributes:
        card: The card.
        options: Its options, an instance of the card's options class.
        component: How the plan records both.
    """

    card: Card
    options: Any
    component: Component


class Chooser:
    """Chooses cards for one plan, and remembers which plugins and assets the plan needs.

    Args:
        registry: The plugins.
        folder: The folder that relative paths in options are relative to.
    """

    def __init__(self, registry: Registry, folder: Path) -> None:
        self._registry = registry
        self._folder = folder
        self._cards: dict[tuple[str, str], Card] = {}
        self._assets: dict[str, None] = {}

    @property
    def folder(self) -> Path:
        """The folder that relative paths in options are relative to."""
        return self._folder

    @property
    def plugins(self) -> tuple[PluginPin, ...]:
        """The plugins of all cards that were chosen."""
        return self._registry.pins(self._cards.values())

    @property
    def assets(self) -> tuple[str, ...]:
        """The names of the assets that the options of all chosen cards need."""
        return tuple(self._assets)

    def choose(
        self, kind: CardKind, use: str, options: Mapping[str, Any], *, name: str = "", where: str = ""
    ) -> Chosen:
        """Return a card with its options.

        Args:
            kind: The card's kind.
            use: The card's name.
            options: The options that the specification has.
            name: The component's name in the plan; by default that of what its options are about, or the card's.
            where: How error messages start; by default the kind and the name.

        Raises:
            UserError: There is no such card, its extra is not installed, or its options do not fit.
        """
        if is_function(use) and kind in CARDS and kind not in ("model", "deployer"):
            options = function_options(kind, use, options, self._folder, self._registry)
            use = use.replace("\\", "/").rpartition("/")[2]
        offer = self._registry.offer(kind, use)
        card = offer.card
        if not is_function(use):  # the functions of a plan are no plugins
            self._cards[(kind, use)] = card
        where = where or f"{kind} {name or use!r}"
        if kind not in where or use not in where:
            where = f"{where}: {kind} {use!r}"
        refuse_secret_urls(shown_options(options), where)
        chosen_options = self._registry.options(card, locate_paths(card.options, options, self._folder, where), where)
        self._assets.update(dict.fromkeys(call_plugin(card, chosen_options.assets)))
        self._registry.check_extra(offer)
        name = name or name_from(call_plugin(card, chosen_options.usual_name)) or use
        return Chosen(card, chosen_options, _component(name, use, card, chosen_options))

    def recorded(self, kind: CardKind, component: Component) -> Chosen:
        """Return a component of a plan with its card; its files and functions are those of the plan.

        Raises:
            UserError: There is no such card, or its extra is not installed.
        """
        offer = self._registry.offer(kind, component.use)
        if not is_function(component.use):
            self._cards[(kind, component.use)] = offer.card
        options = self._registry.options(offer.card, component.options, f"{kind} {component.name!r}")
        self._assets.update(dict.fromkeys(call_plugin(offer.card, options.assets)))
        self._registry.check_extra(offer)
        return Chosen(offer.card, options, component)

    def choose_all(self, kind: CardKind, specs: Iterable[ComponentSpec]) -> tuple[Chosen, ...]:
        """Return the cards of a list in a specification, whose names must be distinct."""
        specs = tuple(specs)
        check_names(kind, specs)
        chosen = tuple(self.choose(kind, spec.use, spec.options, name=spec.name) for spec in specs)
        check_distinct(kind, (item.component.name for item in chosen))
        return chosen


def check_names(kind: str, specs: Iterable[ComponentSpec | ModelSpec]) -> None:
    """Check the names that a list in a specification gives.

    Raises:
        SpecError: A name has characters that file names may not have, or is too long.
    """
    for spec in specs:
        check_length(kind, spec.name)
        if spec.name and not _NAME.fullmatch(spec.name):
            message = f"the {kind} name {spec.name!r} may have letters, digits, '-' and '_' only"
            raise SpecError(message)


def check_distinct(kind: str, names: Iterable[str]) -> None:
    """Check that the components of a kind have different names.

    Raises:
        SpecError: Two have the same.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        message = f"two {kind}s are called {twice[0]!r}; give one of them another name with `name`"
        raise SpecError(message)


def check_length(kind: str, name: str, longest: int = LONGEST_NAME) -> None:
    """Check the length of a name. That of a component becomes part of the names of files and of resources.

    Raises:
        SpecError: It is too long.
    """
    if len(name) > longest:
        message = f"the {kind} name '{name[:40]}…' has {len(name)} characters; the most are {longest}"
        raise SpecError(message)


def call_plugin(card: Card, call: Callable[[], T]) -> T:
    """Return what a call to a plugin returns; what it raises is reported with the card's name.

    Raises:
        SpecError: The call raised a `UserError`: a mistake of the user that the plugin found.
        PluginError: The call failed in another way; the message has the file and the line.
    """
    try:
        with prints_to_stderr():
            return call()
    except UserError as exc:
        message = f"{card.kind} {card.name!r}: {exc}"
        raise SpecError(message) from exc
    except PLUGIN_FAILURES as exc:
        message = f"{card.kind} {card.name!r} failed: {describe_failure(exc)}"
        raise PluginError(message) from exc


def components(chosen: Iterable[Chosen]) -> tuple[Component, ...]:
    """Return how the plan records chosen cards."""
    return tuple(item.component for item in chosen)


def _component(name: str, use: str, card: Card, options: Options) -> Component:
    key = digest(card.kind, card.name, card.result_version, options.in_key())
    return Component(name, use, options.to_mapping(), key=key)
