"""Opening a store by its name: a folder, or a URI for which a plugin has a store."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from llmops_sdk.errors import SpecError
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
        settings: Plugin name to its settings, where a pipeline says some.
        offline: Whether the network must not be touched.

    Raises:
        SpecError: No store opens such a URI, or none that needs no network.
        StoreError: It cannot be reached.
    """
    scheme, colon, _ = uri.partition("://")
    if not colon and re.match(r"[a-z][a-z0-9]+:/", uri):
        message = f"{uri!r} is neither a folder nor a URI; write it as text with two slashes, not as a path"
        raise SpecError(message)
    if not colon or scheme == "file":
        return LocalStore(uri.removeprefix("file://"))
    return (registry or Registry.load()).open_store(uri, settings or {}, offline=offline)
