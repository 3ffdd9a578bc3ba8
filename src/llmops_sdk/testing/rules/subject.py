"""What `check` may be given, and the cards in it."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType
from typing import Any

import attrs

from llmops_sdk.errors import LLMOpsError, did_you_mean
from llmops_sdk.plugin.cards import Card, ImplementationCard
from llmops_sdk.plugin.contents import check_card
from llmops_sdk.plugin.registry import Registry


@attrs.frozen(kw_only=True)
class Subject:
    """A plugin, or a part of one.

    Attributes:
        name: How reports name it.
        cards: Its cards.
        problem: Why it cannot be used; empty if it can.
        hooks: The module with its hooks; empty if there is none.
    """

    name: str
    cards: tuple[Card, ...] = ()
    problem: str = ""
    hooks: str = ""

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules that another process imports to make the implementations and options."""
        names = [self.hooks] if self.hooks else []
        for card in self.cards:
            names.append(card.options.__module__)
            if isinstance(card, ImplementationCard):
                names.append(card.load.partition(":")[0])
        return tuple(dict.fromkeys(names))


def find_subject(plugin: Any) -> Subject:
    """Return what was given to `check` as a subject.

    Args:
        plugin: A card, the name of an installed plugin, or a module or object with hooks.

    Raises:
        TypeError: It is none of these.
        LookupError: No plugin of this name is installed.
    """
    if isinstance(plugin, Card):
        return _of_card(plugin)
    if isinstance(plugin, str):
        return _installed(plugin)
    if isinstance(plugin, type) or not any(name.startswith("llmops_") for name in dir(plugin)):
        message = (
            f"{plugin!r} is no plugin: give a card, a module or object with hooks, or the name of an installed plugin"
        )
        raise TypeError(message)
    return _of_hooks(plugin)


def _of_card(card: Card) -> Subject:
    try:
        check_card(card)
    except LLMOpsError as exc:
        return Subject(name=card.name, problem=str(exc))
    return Subject(name=f"{card.kind} {card.name!r}", cards=(card,))


def _of_hooks(plugin: Any) -> Subject:
    is_module = isinstance(plugin, ModuleType)
    name = plugin.__name__ if is_module else type(plugin).__name__
    registry = Registry()
    registry.add(name, plugin)
    return _from(registry, name, plugin.__name__ if is_module else "")


def _installed(name: str) -> Subject:
    registry = Registry.load()
    names = [plugin.name for plugin in registry.plugins]
    if name not in names:
        message = f"no plugin is called {name!r}{did_you_mean(name, names)}"
        raise LookupError(message)
    module = registry.module(name)
    return _from(registry, name, module.__name__ if isinstance(module, ModuleType) else "")


def _from(registry: Registry, name: str, hooks: str) -> Subject:
    (plugin,) = (plugin for plugin in registry.plugins if plugin.name == name)
    cards = tuple(offer.card for offer in registry.offers() if offer.plugin == plugin)
    return Subject(name=name, cards=cards, problem=plugin.problem or plugin.ignored, hooks=hooks)


def names(cards: Iterable[Card]) -> list[str]:
    """Return the cards as inputs and reports name them: `evaluator brevity`."""
    return [f"{card.kind} {card.name}" for card in cards]
