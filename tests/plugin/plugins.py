"""Plugins made in tests."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from llmops_sdk.plugin import hookimpl


def make_plugin(*cards: object, **hooks: Any) -> ModuleType:
    """Return a module with the hook `llmops_cards`, and further hooks that return the given values."""
    module = ModuleType("made")
    for name, value in {"llmops_cards": cards, **hooks}.items():
        hook = _returning(value)
        hook.__name__ = name
        setattr(module, name, hookimpl(hook))
    return module


def _returning(value: Any) -> Any:
    def hook() -> Any:
        return value

    return hook
