"""Plugins as they are installed: which distribution brings them, and what to type for a missing extra of it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution, entry_points
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import attrs

OWN_DISTRIBUTION = "llmops-sdk"


@attrs.frozen
class InstalledPlugin:
    """An installed plugin.

    Attributes:
        name: The name of its entry point.
        distribution: The distribution that brings it, as pip knows it; empty if it was added in code.
        version: The distribution's version.
        problem: Why it is broken; empty if it is not.
        ignored: Which of its cards are not used, and why; empty if all are.
        outdated: What it uses that a later version of llmops-sdk removes, one line each.
    """

    name: str
    distribution: str
    version: str
    problem: str = ""
    ignored: str = ""
    outdated: tuple[str, ...] = ()

    @property
    def owner(self) -> str:
        """How messages name it: the distribution with its version, and the plugin."""
        if not self.distribution:
            return f"plugin {self.name!r}"
        return f"{f'{self.distribution} {self.version}'.strip()} (plugin {self.name!r})"

    @property
    def how_to_drop(self) -> str:
        """What to do to be without it."""
        if not self.distribution:
            return f"disable one with LLMOPS_DISABLE_PLUGINS={self.name}"
        name = f"{self.distribution}:{self.name}"
        return f"uninstall {self.distribution!r}, or disable it with LLMOPS_DISABLE_PLUGINS={name}"

    def is_named_in(self, names: Iterable[str]) -> bool:
        """Return whether it is one of these, each `NAME` or `DISTRIBUTION:NAME`, compared as pip compares names."""
        own = {_normal(self.name), _normal(f"{self.distribution}:{self.name}") if self.distribution else ""}
        return bool(own & {_normal(name) for name in names} - {""})


def installed_plugins(group: str) -> list[tuple[EntryPoint, InstalledPlugin]]:
    """Return the entry points of a group with the plugins that they are.

    Those that are shipped come first: of two plugins or cards of one name, the first one is used. They are read again only
    after something was installed or removed: every distribution has a file to open.
    """
    return list(_read_plugins(group, tuple(_state(folder) for folder in sys.path)))


@lru_cache(maxsize=4)
def _read_plugins(
    group: str,
    search_path: tuple[tuple[str, int, int], ...],  # noqa: ARG001 - part of the key
) -> tuple[tuple[EntryPoint, InstalledPlugin], ...]:
    """Read the entry points; the metadata of each distribution is read once."""
    owners: dict[Any, tuple[str, str]] = {None: ("", "")}
    plugins = []
    for point in entry_points(group=group):
        owner = point.dist
        if owner is not None and owner not in owners:
            metadata = owner.metadata
            owners[owner] = (metadata["Name"], metadata["Version"])
        plugins.append((point, InstalledPlugin(point.name, *owners[owner])))
    return tuple(sorted(plugins, key=lambda item: (item[1].distribution.lower() != OWN_DISTRIBUTION, item[1].name)))


def _state(folder: str) -> tuple[str, int, int]:
    """Return a folder of the search path, which file it is, and the time of its last change, zeros if there is none."""
    try:
        stat = Path(folder).stat()
    except OSError:
        return folder, 0, 0
    return folder, stat.st_ino, stat.st_mtime_ns


def install_hint(extra: str, *, of: str = OWN_DISTRIBUTION) -> str:
    """Return the command that installs an extra of a distribution, in the way in which the distribution is installed.

    For a distribution that was installed from a checkout this is the checkout's path: `pip install -e '/src/x[fast]'`.

    Args:
        extra: The extra, or several joined by commas.
        of: The distribution; by default `llmops-sdk`.
    """
    try:
        path, editable = _checkout(distribution(of))
    except PackageNotFoundError:
        path, editable = None, False
    if path is None:
        return f"pip install '{of}[{extra}]'"
    return f"pip install {'-e ' if editable else ''}'{path}[{extra}]'"


def is_editable(installed: Distribution) -> bool:
    """Return whether a distribution is used in place (`pip install -e`)."""
    return _checkout(installed)[1]


def _normal(name: str) -> str:
    """Return the name of a distribution as pip compares it, alone or before `:` and a plugin's name."""
    distribution_name, colon, plugin = name.strip().partition(":")
    return f"{re.sub(r'[-_.]+', '-', distribution_name).lower()}:{plugin}" if colon else distribution_name


def _checkout(installed: Distribution) -> tuple[Path | None, bool]:
    """Return the folder that a distribution was installed from, and whether it is used in place (PEP 610)."""
    try:
        origin = json.loads(installed.read_text("direct_url.json") or "{}")
    except ValueError:
        return None, False
    if "dir_info" not in origin:
        return None, False
    path = Path(url2pathname(urlsplit(origin["url"]).path))
    return (path if path.is_dir() else None), bool(origin["dir_info"].get("editable"))
