"""What `llmops doctor` looks at: the plugins' own checks, and what the core knows of plugins, assets and pipelines."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from pathlib import Path

from llmops_sdk.assets.asset import Asset, find_asset, verify_asset
from llmops_sdk.errors import MissingExtraError
from llmops_sdk.pipeline.pipeline import Pipeline
from llmops_sdk.planning.preflight import input_checks, preflight_checks
from llmops_sdk.plugin.checks import Check, Finding
from llmops_sdk.plugin.registry import Plugin, Registry


def checks(registry: Registry, home: Path, *, offline: bool = False, pipeline: Pipeline | None = None) -> list[Check]:
    """Return what there is to look at on this machine. Looking fetches nothing.

    Args:
        registry: The installed plugins.
        home: The cache of this machine.
        offline: Whether what is not here is an error, since a run may not fetch it.
        pipeline: Look at the assets that this one needs, not at all of them; and at what must hold before it is run,
            for which services may be asked; with `offline`, instead, at what its datasets, models and evaluators
            take from the caches of others, such as Hugging Face's. Without a pipeline no network is asked.

    Raises:
        UserError: The pipeline cannot run as it is written.
    """
    found = registry.checks()
    found += [Check(f"plugin {plugin.name}", partial(_look_at_plugin, registry, plugin)) for plugin in registry.plugins]
    if pipeline is None:
        return found + [_asset_check(asset, home, offline=offline) for asset in registry.assets()]
    try:
        plan = pipeline.build(registry, offline=offline)
    except MissingExtraError as exc:
        lacking = Finding("error", str(exc))
        return [*found, Check(f"pipeline {pipeline.spec.name}", lambda: lacking)]
    found += [_asset_check(registry.asset(name), home, offline=offline) for name in plan.assets]
    return [*found, *(input_checks(plan, registry, home) if offline else preflight_checks(plan, registry))]


def _look_at_plugin(registry: Registry, plugin: Plugin) -> Finding:
    """Say which cards of a plugin cannot be used for want of an extra."""
    if plugin.problem:
        return Finding("error", plugin.problem)
    cards = [offer.card for offer in registry.offers() if offer.plugin == plugin]
    lacking = [card for card in cards if any(find_spec(module) is None for module in card.requires)]
    if not lacking:
        return Finding("ok", f"{plugin.distribution or plugin.name} {plugin.version}".strip())
    modules = sorted({module for card in lacking for module in card.requires if find_spec(module) is None})
    extras = ",".join(sorted({card.extra for card in lacking if card.extra}))
    names = ", ".join(f"{card.kind} {card.name!r}" for card in lacking)
    hint = (
        f"pip install '{plugin.distribution or 'llmops-sdk'}[{extras}]'"
        if extras
        else f"pip install {' '.join(modules)}"
    )
    return Finding("warning", f"not installed: {', '.join(modules)}; without it there is no {names}", hint)


def _asset_check(asset: Asset, home: Path, *, offline: bool) -> Check:
    def look() -> Finding:
        folder = find_asset(asset, home)
        if folder is not None:
            return Finding("ok", f"'{folder}'")
        problem, get = "; ".join(verify_asset(asset, home)), f"llmops assets get {asset.name}"
        if not offline:
            return Finding("warning", f"{problem}; a run fetches it", get)
        here = " and ".join(source.label for source in asset.sources if not source.needs_network)
        hint = f"where there is a network type '{get}', and copy its folder to '{home / 'assets' / asset.name}' here"
        return Finding("error", problem, f"type '{get} --offline' to look in {here}; else {hint}" if here else hint)

    return Check(f"asset {asset.name}", look)
