"""What a process brings to the steps it runs, and the context it hands to plugins."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import attrs

from llmops_sdk.assets.asset import get_asset
from llmops_sdk.plugin.context import Context
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.progress import Progress, progress_for
from llmops_sdk.record.run import Run


@attrs.frozen
class Runtime:
    """What this process brings: plugins, cache, network or none, and somebody to tell the progress to.

    Attributes:
        registry: The installed plugins.
        home: The cache of this machine.
        offline: Whether the network must not be touched.
        progress: Who is told.
    """

    registry: Registry
    home: Path
    offline: bool = False
    progress: Progress = attrs.field(factory=Progress)

    @classmethod
    def here(cls, progress: Progress | None = None) -> Runtime:
        """Return what a process brings by itself: the installed plugins, and what `LLMOPS_` variables say."""
        offline = bool(os.environ.get("LLMOPS_OFFLINE"))
        return cls(Registry.load(), default_home(), offline=offline, progress=progress or progress_for())

    def asset(self, name: str) -> Path:
        """Return an asset's folder, fetched first where it is missing.

        Raises:
            AssetError: It cannot be had.
        """
        return get_asset(self.registry.asset(name), self.home, progress=self.progress, offline=self.offline)

    def context(self, run: Run, step: str, folder: Path, log: logging.Logger) -> Context:
        """Make what a plugin is handed."""
        return Context(
            run_id=run.id,
            step=step,
            folder=folder,
            home=self.home,
            offline=self.offline,
            progress=self.progress,
            log=log,
            settings=run.plan.settings,
            make=self.registry.make,
            asset=self.asset,
        )


def default_home() -> Path:
    """Return the cache of this machine: `LLMOPS_HOME`, or `llmops` in the user's cache folder."""
    named = os.environ.get("LLMOPS_HOME")
    if named:
        return Path(named).expanduser().absolute()
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "llmops"
