"""The commands about this machine: plugins, assets and doctor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from llmops_sdk.cli.exits import MISTAKE, OK, usage_error
from llmops_sdk.cli.help import Argument, Command, Group
from llmops_sdk.cli.options import json_option, offline_option, read_pipeline
from llmops_sdk.cli.output.text import echo, echo_json
from llmops_sdk.errors import UserError

if TYPE_CHECKING:
    from llmops_sdk.plugin.registry import Offer


@click.group(cls=Group)
def assets() -> None:
    """List, download and verify model weights and dictionaries."""


@assets.command("list")
def list_assets() -> None:
    """List the assets, and which are downloaded."""
    from llmops_sdk.cli.output.assets import show_assets
    from llmops_sdk.plugin.registry import Registry
    from llmops_sdk.steps.runtime import default_home

    show_assets(Registry.load().assets(), default_home())


@assets.command("get")
@click.argument("names", cls=Argument, nargs=-1, metavar="[NAME]...", description="The names of assets.")
@click.option("--for", "specification", metavar="FILE|EXAMPLE", help="Download what this pipeline needs.")
@click.option("--all", "everything", is_flag=True, help="Download every asset.")
@offline_option
def get_assets(names: tuple[str, ...], specification: str | None, *, everything: bool, offline: bool) -> int:
    """Download assets; a failed one does not stop the others."""
    from llmops_sdk.plugin.registry import Registry
    from llmops_sdk.progress import progress_for
    from llmops_sdk.steps.runtime import Runtime, default_home, used_cache

    registry = Registry.load()
    if not (names or specification or everything):
        known = registry.assets()
        size = f"{sum(asset.size for asset in known) / 1e6:,.0f} MB"
        usage_error(
            f"name assets, or --for FILE|EXAMPLE, or --all ({len(known)} assets, {size}): see llmops assets list"
        )
    selected = [registry.asset(name).name for name in names]
    selected += read_pipeline(specification).build(registry, offline=offline).assets if specification else ()
    selected += [asset.name for asset in registry.assets()] if everything else ()
    errors = []
    with progress_for() as progress, used_cache(default_home()):
        runtime = Runtime(registry, default_home(), offline=offline, progress=progress)
        for name in dict.fromkeys(selected):
            try:
                progress.log(f"{name}: {runtime.asset(name)}")
            except UserError as exc:
                progress.log(f"{name}: failed")
                errors.append(f"error: {exc}")
    for error in errors:
        echo(error, err=True)
    return MISTAKE if errors else OK


@assets.command("verify")
@click.argument(
    "names", cls=Argument, nargs=-1, metavar="[NAME]...", description="The names of assets.  [default: all downloaded]"
)
def verify_assets(names: tuple[str, ...]) -> int:
    """Compare downloaded assets with their known hashes."""
    from llmops_sdk.assets.asset import find_asset, verify_asset
    from llmops_sdk.plugin.registry import Registry
    from llmops_sdk.steps.runtime import default_home

    registry, home, broken = Registry.load(), default_home(), False
    chosen = [registry.asset(name) for name in names] or [a for a in registry.assets() if find_asset(a, home)]
    for asset in chosen:
        problems = verify_asset(asset, home)
        broken = broken or bool(problems)
        echo(f"{asset.name}: {'; '.join(problems) if problems else 'ok'}")
    return MISTAKE if broken else OK


@click.command(cls=Command)
@click.option("--for", "specification", metavar="FILE|EXAMPLE", help="Check what this pipeline needs.")
@click.option(
    "--offline",
    is_flag=True,
    envvar="LLMOPS_OFFLINE",
    show_envvar=True,
    help="Check for an offline run: anything missing is an error.",
)
def doctor(specification: str | None, *, offline: bool) -> int:
    """Check this machine: what works, what doesn't, how to fix it.

    The exit code is 2 if something will not work. Makes no network requests unless --for names a pipeline that uses a remote service.
    """
    from llmops_sdk.cli.doctor import checks
    from llmops_sdk.cli.output.findings import show_findings
    from llmops_sdk.plugin.registry import Registry
    from llmops_sdk.steps.runtime import default_home

    pipeline = read_pipeline(specification) if specification else None
    found_error = show_findings(checks(Registry.load(), default_home(), offline=offline, pipeline=pipeline))
    return MISTAKE if found_error else OK


@click.command(cls=Command)
@click.argument(
    "kind_or_name",
    cls=Argument,
    required=False,
    metavar="[KIND]",
    description="List one kind only: dataset, prompt, model, trainer, deployer, evaluator, executor, ...",
)
@click.argument(
    "name",
    cls=Argument,
    required=False,
    metavar="[NAME]",
    description="Show what has this name, with its options; KIND may be omitted.",
)
@click.option("--schema", is_flag=True, help="Print the JSON schema of specification files, with these plugins.")
@json_option
def plugins(kind_or_name: str | None, name: str | None, *, schema: bool, as_json: bool) -> None:
    """List what plugins offer, or show one entry with its options.

    `llmops plugins ./metrics.py` shows the functions of a file of your own.
    """
    from llmops_sdk.cli.output.plugins import functions_json, plugins_json, show_cards, show_functions, show_index
    from llmops_sdk.plugin.cards import KINDS
    from llmops_sdk.plugin.registry import Registry
    from llmops_sdk.values.functions import is_function

    if kind_or_name is not None and is_function(kind_or_name) and not schema:
        from llmops_sdk.planning.functions import functions_in

        functions = functions_in(kind_or_name, Path())
        echo_json(functions_json(functions), indent=2) if as_json else show_functions(functions)
        return
    registry = Registry.load()
    if schema:
        from llmops_sdk.planning.specification.schema import specification_schema

        echo_json(specification_schema(registry), indent=2)
        return
    offers = _choose(registry.offers(), kind_or_name, name, KINDS)
    listed = name is None and kind_or_name in (None, *KINDS)
    if as_json:
        echo_json(plugins_json(offers, registry.plugins if listed else ()), indent=2)
    elif listed:
        show_index(offers, registry.plugins)
    else:
        show_cards(offers)


def _choose(offers: list[Offer], kind_or_name: str | None, name: str | None, kinds: Sequence[str]) -> list[Offer]:
    """Return the offers of a kind, or of a name, or of both."""
    from llmops_sdk.errors import SpecError, did_you_mean

    if kind_or_name is None:
        return offers
    if name is None and kind_or_name not in kinds:
        chosen = [offer for offer in offers if offer.card.name == kind_or_name]
        if not chosen:
            known = [*kinds, *(offer.card.name for offer in offers)]
            message = f"no plugin offers {kind_or_name!r}{did_you_mean(kind_or_name, known)}"
            raise SpecError(message)
        return chosen
    if kind_or_name not in kinds:
        message = f"there is no kind {kind_or_name!r}{did_you_mean(kind_or_name, kinds)}"
        raise SpecError(message)
    same_kind = [offer for offer in offers if offer.card.kind == kind_or_name]
    chosen = [offer for offer in same_kind if name in (None, offer.card.name)]
    if name is not None and not chosen:
        message = f"no {kind_or_name} is called {name!r}{did_you_mean(name, [offer.card.name for offer in same_kind])}"
        raise SpecError(message)
    return chosen
