"""Plugins as they are installed: which distribution brings them, and what to type for a missing extra of it."""

from __future__ import annotations

import json
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
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
    """

    name: str
    distribution: str
    version: str
    problem: str = ""
    ignored: str = ""

    @property
    def owner(self) -> str:
        """How messages name it: the distribution with its version, and the plugin."""
        if not self.distribution:
            return f"plugin {self.name!r}"
        return f"{f'{self.distribution} {self.version}'.strip()} (plugin {self.name!r})"


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
