"""The commands about this machine: plugins, examples, assets, doctor."""

from __future__ import annotations

import json
import sys

import click

from llmops_sdk.cli.common import FAULT, MISTAKE, OK, json_option, offline_option, pipeline_of, usage
from llmops_sdk.cli.run import run
from llmops_sdk.errors import UserError


@click.command()
@click.argument("kind", required=False)
@click.option("--schema", is_flag=True, help="Print the JSON schema of specification files, with these plugins.")
@json_option
def plugins(kind: str | None, *, schema: bool, as_json: bool) -> None:
    """List what plugins offer, with options, and why a plugin is broken."""
    from llmops_sdk.cli.console import plugins_json, show_plugins
    from llmops_sdk.planning.schema import specification_schema
    from llmops_sdk.plugin.registry import KINDS, Registry

    registry = Registry.load()
    if kind is not None and kind not in KINDS:
        usage(f"a kind is one of {', '.join(KINDS)}, not {kind!r}")
    if schema:
        click.echo(json.dumps(specification_schema(registry), indent=2))
    elif as_json:
        click.echo(json.dumps(plugins_json(registry, kind), indent=2))
    else:
        show_plugins(registry, kind)


@click.group(invoke_without_command=True)
@click.pass_context
def examples(context: click.Context) -> None:
    """List the packaged examples, show one, or run one."""
    if context.invoked_subcommand is None:
        from llmops_sdk.cli.examples import list_examples

        for example in list_examples():
            click.echo(f"{example.name:<16} {example.summary}")


@examples.command("show")
@click.argument("name")
def show_example(name: str) -> None:
    """Print an example, to be kept in a file and changed."""
    from llmops_sdk.cli.examples import find_example

    click.echo(find_example(name).path.read_text(encoding="utf-8"), nl=False)


@examples.command("run", context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def run_example(context: click.Context, name: str, arguments: tuple[str, ...]) -> int:
    """Run an example; further options are those of `llmops run`, or the script's own."""
    import subprocess

    from llmops_sdk.cli.examples import find_example

    example = find_example(name)
    if example.path.suffix == ".py":
        return subprocess.run([sys.executable, str(example.path), *arguments], check=False).returncode  # noqa: S603 - the package's own script
    with run.make_context("run", [name, *arguments], parent=context) as made:
        return int(run.invoke(made) or OK)


@click.group()
def assets() -> None:
    """Weights and dictionaries that this machine needs once: list, fetch, verify."""


@assets.command("list")
def list_assets() -> None:
    """List the assets, and which are here."""
    from llmops_sdk.cli.console import show_assets
    from llmops_sdk.plugin.registry import Registry
    from llmops_sdk.steps.runtime import default_home

    show_assets(Registry.load().assets(), default_home())


@assets.command("get")
@click.argument("names", nargs=-1)
@click.option("--for", "specification", metavar="FILE|EXAMPLE", help="Fetch what this pipeline needs.")
@click.option("--all", "everything", is_flag=True, help="Fetch every asset.")
@offline_option
def get_assets(names: tuple[str, ...], specification: str | None, *, everything: bool, offline: bool) -> int:
    """Fetch assets; one that cannot be had does not stop the others."""
    from llmops_sdk.plugin.registry import Registry
    from llmops_sdk.progress import progress_for
    from llmops_sdk.steps.runtime import Runtime, default_home

    registry = Registry.load()
    if not (names or specification or everything):
        known = registry.assets()
        size = f"{sum(asset.size for asset in known) / 1e6:,.0f} MB"
        usage(f"name assets, or --for FILE|EXAMPLE, or --all ({len(known)} assets, {size}): see llmops assets list")
    wanted = [registry.asset(name).name for name in names]
    wanted += pipeline_of(specification, ()).build(registry, offline=offline).assets if specification else ()
    wanted += [asset.name for asset in registry.assets()] if everything else ()
    failed = []
    with progress_for() as progress:
        runtime = Runtime(registry, default_home(), offline=offline, progress=progress)
        for name in dict.fromkeys(wanted):
            try:
                progress.log(f"{name}: {runtime.asset(name)}")
            except UserError as exc:
                progress.log(f"{name}: failed")
                failed.append(f"error: {exc}")
    for line in failed:
        click.echo(line, err=True)
    return MISTAKE if failed else OK


@assets.command("verify")
@click.argument("names", nargs=-1)
def verify_assets(names: tuple[str, ...]) -> int:
    """Hash the assets that are here, and say what is wrong with them."""
    from llmops_sdk.assets.asset import find_asset, verify_asset
    from llmops_sdk.plugin.registry import Registry
    from llmops_sdk.steps.runtime import default_home

    registry, home, broken = Registry.load(), default_home(), False
    chosen = [registry.asset(name) for name in names] or [a for a in registry.assets() if find_asset(a, home)]
    for asset in chosen:
        problems = verify_asset(asset, home)
        broken = broken or bool(problems)
        click.echo(f"{asset.name}: {'; '.join(problems) if problems else 'ok'}")
    return MISTAKE if broken else OK


@click.command()
@click.option("--for", "specification", metavar="FILE|EXAMPLE", help="Look for what this pipeline needs.")
@click.option(
    "--offline", is_flag=True, envvar="LLMOPS_OFFLINE", help="Look as for a run offline: what is not here is an error."
)
def doctor(specification: str | None, *, offline: bool) -> int:
    """Look at this machine: what works, what does not, and what to type.

    Touches no network, but for what a pipeline named with --for needs of a service.
    """
    from llmops_sdk.cli.console import show_findings
    from llmops_sdk.cli.doctor import checks
    from llmops_sdk.plugin.registry import Registry
    from llmops_sdk.steps.runtime import default_home

    pipeline = pipeline_of(specification, ()) if specification else None
    found = checks(Registry.load(), default_home(), offline=offline, pipeline=pipeline)
    return FAULT if show_findings(found) else OK
