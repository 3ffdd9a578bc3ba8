"""Opening a store by its name: a folder, or a URI for which a plugin has a store."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from llmops_sdk.errors import SpecError
from llmops_sdk.plugin.cards import StoreCard
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.local_store import LocalStore
from llmops_sdk.record.stores import Store


def open_store(
    uri: str,
    registry: Registry | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    offline: bool = False,
) -> Store:
    """Open the store at a folder, or at a URI for which a plugin has a store. Plugins are loaded for URIs only.

    Args:
        uri: A folder, or `scheme://...`.
        registry: The plugins; by default the installed ones.
        settings: Plugin name to its settings, where a pipeline has some; the store gets those of its own plugin.
        offline: Whether the network must not be used.

    Raises:
        SpecError: No store opens such a URI, or none that needs no network.
        MissingExtraError: A module that the store needs is not installed; the message has the command to type.
        StoreError: It cannot be reached.
    """
    scheme, colon, _ = uri.partition("://")
    if not colon and re.match(r"[a-z][a-z0-9]+:/", uri):
        message = f"{uri!r} is neither a folder nor a URI; write it as text with two slashes, not as a path"
        raise SpecError(message)
    if not colon or scheme == "file":
        return LocalStore(uri.removeprefix("file://"))
    return _open_uri(uri, scheme, registry or Registry.load(), settings or {}, offline=offline)


def _open_uri(
    uri: str, scheme: str, registry: Registry, settings: Mapping[str, Mapping[str, Any]], *, offline: bool
) -> Store:
    schemes = [offer.card.name for offer in registry.offers("store")]
    if scheme not in schemes:
        known = ", ".join(["a folder", *(f"{name}://..." for name in schemes)])
        message = f"no store opens '{scheme}://' URIs; known: {known}{registry.broken_hint()}"
        raise SpecError(message)
    offer = registry.offer("store", scheme)
    registry.check_extra(offer)
    if offline and registry.card(StoreCard, scheme).needs_network:
        message = f"the store {uri!r} needs the network, but this run is offline: keep it in a folder"
        raise SpecError(message)
    store: Store = registry.implementation(offer)(uri, settings.get(offer.plugin.name, {}))
    return store
