"""What `check` may be given, and the cards in it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

from llmops_sdk.errors import LLMOpsError, did_you_mean
from llmops_sdk.functions.definition import definition_of
from llmops_sdk.functions.references import reference_to
from llmops_sdk.planning.functions import functions_in
from llmops_sdk.plugin.cards import Card, ImplementationCard
from llmops_sdk.plugin.contents import check_card
from llmops_sdk.plugin.functions.cards import CARDS, KIND_OF
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.functions import is_function


@attrs.frozen(kw_only=True)
class Subject:
    """A plugin, or a part of one.

    Attributes:
        name: How reports name it.
        cards: Its cards.
        problem: Why it cannot be used; empty if it can.
        hooks: The module with its hooks; empty if there is none.
        function: The reference to the function that it is: `./metrics.py:brevity`; empty for a plugin.
    """

    name: str
    cards: tuple[Card, ...] = ()
    problem: str = ""
    hooks: str = ""
    function: str = ""

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
        plugin: A card, the name of an installed plugin, a module or object with hooks, a function that is marked with
            `@metric`, `@dataset`, `@prompt` or `@target`, or the reference to one.

    Raises:
        TypeError: It is none of these.
        SpecError: The function cannot be used.
        LookupError: No plugin of this name is installed.
    """
    if isinstance(plugin, Card):
        return _of_card(plugin)
    if isinstance(plugin, str):
        return _of_function(plugin) if is_function(plugin) else _installed(plugin)
    definition = definition_of(plugin)
    if definition is not None:
        return _of_function(reference_to(plugin, definition.kind))
    if isinstance(plugin, type) or not any(name.startswith("llmops_") for name in dir(plugin)):
        message = (
            f"{plugin!r} is no plugin: give a card, a module or object with hooks, the name of an installed plugin, or a "
            "function that is marked with @metric, @dataset, @prompt or @target"
        )
        raise TypeError(message)
    return _of_hooks(plugin)


def _of_card(card: Card) -> Subject:
    try:
        check_card(card)
    except LLMOpsError as exc:
        return Subject(name=card.name, problem=str(exc))
    return Subject(name=f"{card.kind} {card.name!r}", cards=(card,))


def _of_function(reference: str) -> Subject:
    ((reference, definition, _),) = functions_in(reference, Path.cwd())
    kinds = [kind for kind, function in KIND_OF.items() if function == definition.kind and kind != "model"]
    return Subject(
        name=f"{definition.kind} {definition.name!r}",
        cards=tuple(CARDS[kind] for kind in kinds),
        function=reference,
    )


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
