"""What `llmops doctor` checks: the plugins' own checks, and those of the core of plugins, assets and pipelines."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from llmops_sdk.errors import MissingExtraError
from llmops_sdk.pipeline.pipeline import Pipeline
from llmops_sdk.planning.inputs import first_record_checks, input_checks, record_checks
from llmops_sdk.planning.paths import path_checks
from llmops_sdk.planning.preflight import asset_check, machine_checks, preflight_checks
from llmops_sdk.planning.secrets import secret_checks
from llmops_sdk.plugin.checks import Check, Finding
from llmops_sdk.plugin.installed import InstalledPlugin, install_hint
from llmops_sdk.plugin.registry import Registry


def checks(registry: Registry, home: Path, *, offline: bool = False, pipeline: Pipeline | None = None) -> list[Check]:
    """Return the checks of this machine. They download nothing.

    Args:
        registry: The installed plugins.
        home: The cache of this machine.
        offline: Whether anything missing is an error, since an offline run may not download it.
        pipeline: Check the assets that this pipeline needs instead of all of them, and its preflight checks, which may
            ask remote services; with `offline`, instead of those, what its datasets, models and evaluators read from
            other caches, such as Hugging Face's. Without a pipeline no check uses the network.

    Raises:
        UserError: The pipeline cannot run as it is written.
    """
    result = registry.checks()
    for plugin in registry.plugins:
        result.append(Check(f"plugin {plugin.name}", partial(_check_plugin, registry, plugin)))
        result += [Check(f"plugin {plugin.name}", partial(Finding, "warning", line)) for line in plugin.outdated]
    if pipeline is None:
        return result + [asset_check(asset, home, offline=offline) for asset in registry.assets()]
    try:
        plan = pipeline.build(registry, offline=offline)
    except MissingExtraError as exc:
        problem = Finding("error", str(exc))
        return [*result, Check(f"pipeline {pipeline.spec.name}", lambda: problem)]
    result += machine_checks(plan, registry, home, offline=offline)
    result += path_checks(plan, registry)
    result += secret_checks(plan, registry, offline=offline)
    result += first_record_checks(plan, registry)
    result += record_checks(plan, registry)
    result += preflight_checks(plan, registry, offline=offline)
    return [*result, *(input_checks(plan, registry, home) if offline else ())]


def _check_plugin(registry: Registry, plugin: InstalledPlugin) -> Finding:
    """Report a plugin that is broken, and cards whose packages are not installed."""
    if plugin.problem:
        return Finding("error", plugin.problem)
    if plugin.ignored:
        return Finding("warning", f"not used: {plugin.ignored}")
    incomplete = [offer for offer in registry.offers() if offer.plugin == plugin and offer.missing]
    if not incomplete:
        return Finding("ok", f"{plugin.distribution or plugin.name} {plugin.version}".strip())
    modules = sorted({module for offer in incomplete for module in offer.missing})
    extras = ",".join(sorted({offer.card.extra for offer in incomplete if offer.card.extra}))
    users = ", ".join(f"{offer.card.kind} {offer.card.name!r}" for offer in incomplete)
    has_extra = extras and plugin.distribution
    hint = install_hint(extras, of=plugin.distribution) if has_extra else f"pip install {' '.join(modules)}"
    return Finding("warning", f"not installed: {', '.join(modules)}; needed by {users}", hint)
