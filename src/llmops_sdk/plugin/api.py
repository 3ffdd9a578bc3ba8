"""The version of the plugins' API, and whether it fits what a plugin was written for."""

from __future__ import annotations

import re
from importlib.abc import InspectLoader
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from llmops_sdk.deprecations import warn_deprecated
from llmops_sdk.errors import PluginError
from llmops_sdk.plugin.installed import OWN_DISTRIBUTION, InstalledPlugin
from llmops_sdk.plugin.isolation import PLUGIN_FAILURES, describe_failure, prints_to_stderr

API_VERSION = "1.0"
"""The version, `major.minor`, of what plugins import from `llmops_sdk.plugin` and implement.

A new minor version adds something, a new major version changes or removes something. A plugin states in its module with
the hooks the version that it was written for: `LLMOPS_API = "1.0"`.
"""

DECLARATION = "LLMOPS_API"
_FIRST = "1.0"  # of a plugin that declares none
_VERSION = re.compile(r"(\d+)\.(\d+)")
_IN_SOURCE = re.compile(rf"^{DECLARATION}\b[^=\n]*=\s*([\"'])({_VERSION.pattern})\1", re.MULTILINE)


def check_api(plugin: InstalledPlugin, declared: Any) -> None:
    """Compare the version of the API that a plugin was written for with this one; warn if it is an older major version.

    Args:
        plugin: The plugin.
        declared: The value of its `LLMOPS_API`; a plugin without one is taken as written for the first version.

    Raises:
        PluginError: It needs a later version of the API, or the value is no version.
    """
    written_for = _parsed(_FIRST if declared is None else declared)
    if written_for is None:
        message = f'{DECLARATION} is {declared!r}; write the version of the plugin API as text: {DECLARATION} = "{API_VERSION}"'
        raise PluginError(message)
    current = _parsed(API_VERSION)
    if current is None or written_for > current:
        message = (
            f"it needs plugin API {declared}, and {_own()}: pip install --upgrade {OWN_DISTRIBUTION}{_or_older(plugin)}"
        )
        raise PluginError(message)
    if written_for[0] < current[0]:
        newer = f"pip install --upgrade {plugin.distribution}" if plugin.distribution else "update it"
        warn_deprecated(
            f"plugin {plugin.name!r} was written for plugin API {declared or _FIRST}, and {_own()}; if a version for that exists: {newer}",
            stacklevel=3,
        )


def describe_import_failure(plugin: InstalledPlugin, module: str, error: BaseException) -> str:
    """Return why a plugin's module cannot be imported: that it needs a later version of the API, if its source shows it.

    Args:
        plugin: The plugin.
        module: The name of its module with the hooks.
        error: What importing it raised.
    """
    try:
        check_api(plugin, _declared_in_source(module))
    except PluginError as exc:
        return str(exc)
    return f"cannot be imported: {describe_failure(error)}"


def _declared_in_source(module: str) -> str | None:
    """Return the version that the source of a module declares, without running it; None if that cannot be seen."""
    try:
        with prints_to_stderr():
            spec = find_spec(module)  # imports the packages that the module is in
        loader = spec.loader if spec is not None else None
        source = loader.get_source(module) if isinstance(loader, InspectLoader) else ""
    except PLUGIN_FAILURES:
        return None
    declaration = _IN_SOURCE.search(source or "")
    return declaration[2] if declaration else None


def _parsed(text: Any) -> tuple[int, int] | None:
    numbers = _VERSION.fullmatch(text) if isinstance(text, str) else None
    return (int(numbers[1]), int(numbers[2])) if numbers else None


def _own() -> str:
    return f"{OWN_DISTRIBUTION} {version(OWN_DISTRIBUTION)} has {API_VERSION}"


def _or_older(plugin: InstalledPlugin) -> str:
    return f", or a version of {plugin.distribution} before {plugin.version}" if plugin.distribution else ""
