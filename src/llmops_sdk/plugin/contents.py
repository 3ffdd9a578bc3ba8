"""What the hooks of a plugin return, checked."""

from __future__ import annotations

import inspect
from typing import Any

import attrs
import pluggy

from llmops_sdk.assets.asset import Asset
from llmops_sdk.errors import PluginError
from llmops_sdk.plugin import hookspecs
from llmops_sdk.plugin.cards import KINDS, Card, ModelCard
from llmops_sdk.plugin.checks import Check

_KEYS = ("use", "name")
_KEYS_OF = {
    "model": (*_KEYS, "fine_tune", "train_on", "trainer", "deployer"),
    "trainer": ("use", "seeds"),
    "deployer": ("use",),
}
"""The keys that stand beside a card's options in a specification."""


@attrs.frozen
class PluginContents:
    """What a plugin brings.

    Attributes:
        cards: What it offers.
        assets: The assets it needs at run time.
        settings: The attrs class of its settings, or None if it has none.
    """

    cards: tuple[Card, ...]
    assets: tuple[Asset, ...]
    settings: type | None


class HookReader:
    """Calls the hooks of one plugin at a time: pluggy's own calls do not show which plugin returned what."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)

    def read(self, name: str, module: Any) -> PluginContents:
        """Register a plugin, and return what it brings.

        Args:
            name: The plugin's name.
            module: A module or object with the hooks.

        Raises:
            Exception: Whatever is wrong with it; it is not registered then.
        """
        self._manager.register(module, name=name)
        try:
            self._manager.check_pending()
            contents = PluginContents(
                cards=tuple(self._call(module, "llmops_cards")),
                assets=tuple(self._call(module, "llmops_assets")),
                settings=self._settings_class(module),
            )
            for card in contents.cards:
                check_card(card)
        except BaseException:
            self._manager.unregister(module)
            raise
        return contents

    def checks(self, name: str) -> list[Check]:
        """Return the checks of a registered plugin.

        Raises:
            Exception: Whatever its hook raises.
        """
        return self._call(self.module(name), "llmops_checks")

    def module(self, name: str) -> Any:
        """Return the module or object with the hooks of a plugin; None if no such plugin was read."""
        return self._manager.get_plugin(name)

    def _settings_class(self, module: Any) -> type | None:
        hooks = [hook for hook in self._manager.hook.llmops_settings.get_hookimpls() if hook.plugin is module]
        cls: Any = hooks[0].function() if hooks else None
        if cls is not None and not (isinstance(cls, type) and attrs.has(cls)):
            message = f"llmops_settings returned {cls!r}, which is no attrs class"
            raise PluginError(message)
        return cls

    def _call(self, module: Any, hook_name: str) -> list[Any]:
        hooks = getattr(self._manager.hook, hook_name).get_hookimpls()
        return [item for hook in hooks if hook.plugin is module for item in hook.function()]


def check_card(card: Any) -> None:
    """Check what a plugin offers.

    Raises:
        PluginError: It is no card, or its options class cannot be used; the message has the fix.
    """
    if not isinstance(card, Card) or getattr(card, "kind", None) not in KINDS:
        message = f"llmops_cards returned {card!r}, which is no card"
        raise PluginError(message)
    options, root = card.options, card.options_root
    which = f"the options of {card.kind} {card.name!r}"
    if not isinstance(options, type) or not issubclass(options, root):
        message = f"{which} are {_name(options)}, which must derive from llmops_sdk.plugin.{root.__name__}"
        raise PluginError(message)
    if "__attrs_attrs__" not in vars(options):
        message = f"{which} are {_name(options)}, which must be decorated with attrs.frozen(kw_only=True)"
        raise PluginError(message)
    if isinstance(card, ModelCard) and inspect.isabstract(options):
        message = f"{which} are {_name(options)}, which must define base_model()"
        raise PluginError(message)
    for field in attrs.fields(options):
        if field.name in _KEYS_OF.get(card.kind, _KEYS):
            message = f"{which} include {field.name!r}, which means something else in a specification; rename it"
            raise PluginError(message)


def _name(options: Any) -> str:
    return options.__name__ if isinstance(options, type) else repr(options)
