"""Every hook that a plugin can implement. Hooks only return data: implementing one imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from llmops_sdk.assets.asset import Asset
    from llmops_sdk.plugin.cards import Card
    from llmops_sdk.plugin.checks import Check

PROJECT = "llmops_sdk"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def llmops_cards() -> Iterable[Card]:  # type: ignore[empty-body]
    """Return the cards of what the plugin offers: datasets, prompts, models, trainers, deployers, evaluators, ...

    Called once, when the registry is loaded.
    """


@hookspec
def llmops_assets() -> Iterable[Asset]:  # type: ignore[empty-body]
    """Return the assets that the plugin needs at run time: weights, dictionaries. `llmops assets` lists and fetches them.

    Called once, when the registry is loaded.
    """


@hookspec
def llmops_checks() -> Iterable[Check]:  # type: ignore[empty-body]
    """Return the plugin's own checks for `llmops doctor`, which checks assets and missing extras without them.

    Called by `llmops doctor` only.
    """


@hookspec
def llmops_settings() -> type | None:
    """Return the attrs class of the plugin's settings, which users give with `with_settings` and `settings:`.

    Its fields are declared with `option`. A plugin without this hook has no settings. Called once, when the registry
    is loaded.
    """
