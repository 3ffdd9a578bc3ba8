"""The context of a step, for tests that call one implementation directly."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmops_sdk.errors import AssetError
from llmops_sdk.plugin.context import Context
from llmops_sdk.plugin.registry import Registry


def make_context(
    folder: Path,
    *,
    home: Path | None = None,
    assets: Mapping[str, Path] | None = None,
    settings: Mapping[str, Any] | None = None,
    registry: Registry | None = None,
) -> Context:
    """Make a context as a step makes it.

    Args:
        folder: Where the implementation writes; it is created.
        home: The cache; by default a folder next to `folder`.
        assets: The folders of the assets that `context.asset` finds, by name.
        settings: The settings of the plugin.
        registry: The plugins that `context.make` makes implementations of; by default none.
    """
    known = dict(assets or {})

    def find_asset(name: str) -> Path:
        if name not in known:
            message = f"this test's context has no asset {name!r}"
            raise AssetError(message)
        return known[name]

    folder.mkdir(parents=True, exist_ok=True)
    return Context(
        run_id="test",
        step="step",
        folder=folder,
        home=home or folder.parent / "home",
        settings=settings or {},
        make=(registry or Registry()).make,
        asset=find_asset,
    )
