"""`Runtime`: the plugins, cache, network and progress of this process."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.assets.asset import get_asset
from llmops_sdk.plugin.context import Context
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.progress import Progress, progress_for
from llmops_sdk.record.locks import locked


@attrs.frozen
class Runtime:
    """What the steps that run in this process share.

    Attributes:
        registry: The installed plugins.
        home: The cache of this machine.
        offline: Whether the network must not be used.
        progress: Where progress is shown.
    """

    registry: Registry
    home: Path
    offline: bool = False
    progress: Progress = attrs.field(factory=Progress)

    @classmethod
    def of_this_process(cls, progress: Progress | None = None) -> Runtime:
        """Return the runtime of a process without a user's options: installed plugins and `LLMOPS_` variables.

        Args:
            progress: Where progress is shown; by default the terminal.
        """
        offline = bool(os.environ.get("LLMOPS_OFFLINE"))
        return cls(Registry.load(), default_home(), offline=offline, progress=progress or progress_for())

    def asset(self, name: str) -> Path:
        """Return an asset's folder, and fetch it first if it is missing.

        Raises:
            AssetError: It is not available.
        """
        return get_asset(self.registry.asset(name), self.home, progress=self.progress, offline=self.offline)

    def context(
        self,
        *,
        run_id: str,
        step: str,
        folder: Path,
        log: logging.Logger,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Context:
        """Make the context of a step, without settings; its `for_card` adds those of the plugin that is called.

        Args:
            run_id: The run.
            step: The step's name.
            folder: Where the plugin writes.
            log: The step's log.
            settings: Plugin name to its settings, as the plan has them.
        """
        return Context(
            run_id=run_id,
            step=step,
            folder=folder,
            home=self.home,
            offline=self.offline,
            progress=self.progress,
            log=log,
            make=self.registry.make,
            asset=self.asset,
            settings_of=partial(self.registry.settings_of, settings or {}),
        )


@contextmanager
def used_cache(home: Path) -> Iterator[None]:
    """Keep `llmops clean --cache` from the cache of this machine until the end of the block; waits while it is at work."""
    with ExitStack() as stack:
        with suppress(OSError):  # a cache that cannot be written to is not freed, either
            stack.enter_context(locked(cache_lock(home), shared=True))
        yield


def cache_lock(home: Path) -> Path:
    """Return the file that who uses the cache holds shared, and who frees it alone."""
    return home / "locks" / "cache.lock"


def default_home() -> Path:
    """Return the cache of this machine: `LLMOPS_HOME`, or `llmops` in the user's cache folder."""
    named = os.environ.get("LLMOPS_HOME")
    if named:
        return Path(named).expanduser().absolute()
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "llmops"
