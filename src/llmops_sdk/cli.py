"""The command line, `llmops`: thin commands over the package; rich and the plugins load in the command that needs them.

Exit codes: 0 done, 1 our fault (traceback), 2 the user's mistake (one message), 3 finished but a cell failed
(of `gc`: something is left), 130 Ctrl-C.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from llmops_sdk.errors import LLMOpsError, UserError

if TYPE_CHECKING:
    from llmops_sdk.builder import Pipeline, Result
    from llmops_sdk.runs import Run

OK, FAULT, MISTAKE, CELL_FAILED, INTERRUPTED = 0, 1, 2, 3, 130
LEFT = CELL_FAILED
STORE = "llmops-runs"

_store = click.option(
    "--store",
    default=STORE,
    envvar="LLMOPS_STORE",
    show_default=True,
    metavar="FOLDER|URI",
    help="Where runs are kept.",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Write JSON to standard output, and nothing else.")
_offline = click.option("--offline", is_flag=True, envvar="LLMOPS_OFFLINE", help="Touch no network.")
_on = click.option("--on", default="", metavar="EXECUTOR", help="Where to run, instead of where the file says.")
_set = click.option(
    "--set", "overrides", multiple=True, metavar="KEY.PATH=VALUE", help="Override a value: models.1.trainer.epochs=2."
)


def main(arguments: list[str] | None = None) -> int:  # noqa: PLR0911 - one for each exit code
    """Run the command line and return the exit code."""
    try:
        code = cli.main(arguments, prog_name="llmops", standalone_mode=False)
    except click.exceptions.Abort:
        return _interrupted("")
    except click.ClickException as exc:
        exc.show()
        return MISTAKE
    except UserError as exc:
        click.echo(f"error: {exc}", err=True)
        return MISTAKE
    except KeyboardInterrupt:
        return _interrupted("")
    except BrokenPipeError:  # the reader of a pipe (head, less) has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except LLMOpsError as exc:
        click.echo(f"error: {exc}", err=True)
        return FAULT
    return code if isinstance(code, int) else OK


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="llmops-sdk")
def cli() -> None:
    """Which LLM should I use? Fine-tune, deploy and evaluate candidates, and decide on evidence.

    Begin with `llmops run quickstart`: it needs no account and no GPU.
    """


@cli.command()
@click.argument("specification", required=False, metavar="FILE|EXAMPLE")
@click.option("--resume", "run_id", metavar="RUN", help="Go on with a run (its id, a beginning of it, or `latest`).")
@_on
@click.option(
    "--detach", is_flag=True, help="Return when the run is begun, where steps run elsewhere; `llmops attach` goes on."
)
@_set
@_store
@_offline
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but the verdict.")
@_as_json
def run(  # noqa: PLR0913 - one parameter for each option of the command
    specification: str | None,
    run_id: str | None,
    on: str,
    overrides: tuple[str, ...],
    store: str,
    *,
    detach: bool,
    offline: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Run a pipeline: a specification file, or an example by its name."""
    from llmops_sdk.builder import resume
    from llmops_sdk.progress import progress_for

    if (specification is None) == (run_id is None):
        _usage("name a specification file or example, or a run with --resume; `llmops examples` lists some")
    if run_id is not None and (on or overrides):
        _usage("--resume goes on with the run as it was planned; --on and --set are for new runs")
    if run_id is not None and detach:
        _usage("--detach is for new runs")
    progress = progress_for(quiet=quiet or as_json)
    try:
        if run_id is not None:
            result = resume(run_id, store=store, offline=offline, progress=progress)
        else:
            result = _pipeline(specification or "", overrides).run(
                on=on, store=store, offline=offline, detach=detach, progress=progress
            )
    except KeyboardInterrupt as exc:
        return _interrupted(store, exc)
    if detach:
        click.echo(result.run.id)
        return OK
    return _end(result, quiet=quiet, as_json=as_json)


@cli.command()
@click.argument("run_id", metavar="RUN", default="latest")
@_store
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but the verdict.")
@_as_json
def attach(run_id: str, store: str, *, quiet: bool, as_json: bool) -> int:
    """Wait for the end of a run that was begun with --detach, here or elsewhere, and show its result."""
    from llmops_sdk.builder import attach as wait
    from llmops_sdk.progress import progress_for

    try:
        result = wait(run_id, store=store, progress=progress_for(quiet=quiet or as_json))
    except KeyboardInterrupt as exc:
        return _interrupted(store, exc)
    return _end(result, quiet=quiet, as_json=as_json)


@cli.command("compile")
@click.argument("specification", metavar="FILE|EXAMPLE")
@_on
@click.option("--full", is_flag=True, help="In the form in which it is sent, without its secrets.")
@_set
def compile_(specification: str, on: str, overrides: tuple[str, ...], *, full: bool) -> None:
    """Print, as JSON, what a pipeline becomes where its steps run elsewhere; nothing is created or started."""
    from llmops_sdk.progress import progress_for
    from llmops_sdk.registry import Registry
    from llmops_sdk.running import Runtime
    from llmops_sdk.running.runtime import default_home

    registry, pipeline = Registry.load(), _pipeline(specification, overrides)
    made = (pipeline.with_executor(on) if on else pipeline).build(registry)
    executor = registry.make("executor", made.executor.use, made.executor.options)
    with progress_for() as progress:
        runtime = Runtime(registry, default_home(), progress=progress)
        compiled = executor.compile(made, runtime, full=full)
    click.echo(json.dumps(compiled, indent=2, ensure_ascii=False))


def _end(result: Result, *, quiet: bool, as_json: bool) -> int:
    """Show a result, and return the exit code."""
    _tell_result(result, quiet=quiet, as_json=as_json)
    if not result.failures:
        return OK
    nothing_ran = all(cell.step.startswith("prepare.") for cell in result.failures) and not any(
        board.cells for board in result.leaderboards
    )
    return MISTAKE if nothing_ran else CELL_FAILED


@cli.command()
@click.argument("run_id", metavar="RUN", default="latest")
@click.option(
    "--evaluator",
    "-e",
    "evaluators",
    multiple=True,
    required=True,
    metavar="NAME|YAML",
    help="An evaluator to add: its name, or as in a specification: '{use: NAME, option: value}'.",
)
@click.option("--metric", default="", metavar="NAME", help="The metric that decides, instead of the run's own.")
@_store
@_offline
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but the verdict.")
@_as_json
def score(
    run_id: str,
    evaluators: tuple[str, ...],
    metric: str,
    store: str,
    *,
    offline: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Score a finished run with further evaluators, as a run of its own; no model is asked."""
    import yaml

    from llmops_sdk.progress import progress_for
    from llmops_sdk.rescoring import rescore

    given = []
    for text in evaluators:
        try:
            given.append(yaml.safe_load(text))
        except yaml.YAMLError as exc:
            _usage(f"--evaluator {text!r} is neither a name nor YAML: {' '.join(str(exc).split())}")
    progress = progress_for(quiet=quiet or as_json)
    try:
        result = rescore(run_id, given, metric=metric, store=store, offline=offline, progress=progress)
    except KeyboardInterrupt:
        return _interrupted(store)
    _tell_result(result, quiet=quiet, as_json=as_json)
    return CELL_FAILED if result.failures else OK


@cli.command()
@click.argument("specification", metavar="FILE|EXAMPLE")
@_set
@_as_json
def plan(specification: str, overrides: tuple[str, ...], *, as_json: bool) -> None:
    """Check a pipeline and show what would run, with every default filled in."""
    made = _pipeline(specification, overrides).plan()
    if as_json:
        click.echo(json.dumps(made.json, indent=2, ensure_ascii=False))
        return
    from llmops_sdk.console import show_plan

    show_plan(made)


@cli.command()
@_store
@_as_json
def runs(store: str, *, as_json: bool) -> None:
    """List the runs in the store, newest last."""
    from llmops_sdk.registry import open_store
    from llmops_sdk.runs import list_runs

    opened = open_store(store)
    found = list_runs(opened)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    from llmops_sdk.console import show_runs

    show_runs(found, opened)


@cli.command()
@click.argument("run_id", metavar="RUN", default="latest")
@_store
@_as_json
def show(run_id: str, store: str, *, as_json: bool) -> None:
    """Show what a run concluded, or how far it is."""
    opened = _open(run_id, store)
    if as_json:
        from llmops_sdk.serial import to_json

        click.echo(json.dumps(to_json(opened.results()), indent=2, ensure_ascii=False))
        return
    from llmops_sdk.console import show_run

    show_run(opened)


@cli.command()
@click.argument("run_id", metavar="RUN", default="latest")
@click.argument("step", required=False)
@_store
def logs(run_id: str, step: str | None, store: str) -> None:
    """Print a step's log, or list the logs a run has."""
    opened = _open(run_id, store)
    prefix = f"runs/{opened.id}/logs/"
    if step is None:
        for key in opened.store.list(prefix):
            click.echo(key.removeprefix(prefix).removesuffix(".log"))
        return
    data = opened.store.get(f"{prefix}{step}.log")
    if data is None:
        from llmops_sdk.errors import RunNotFoundError, did_you_mean

        names = [key.removeprefix(prefix).removesuffix(".log") for key in opened.store.list(prefix)]
        message = f"run {opened.id!r} has no log of a step {step!r}{did_you_mean(step, names)}"
        raise RunNotFoundError(message)
    click.echo(data.decode("utf-8", errors="replace"), nl=False)


@cli.command()
@click.argument("run_id", metavar="RUN", default="latest")
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Where to write it.")
@_store
def report(run_id: str, output: Path | None, store: str) -> None:
    """Write the report of a run anew, and print where it is."""
    from llmops_sdk.reporting import report_run

    click.echo(report_run(_open(run_id, store), output))


@cli.command()
@click.option("--dry-run", is_flag=True, help="Show what would be removed, and remove nothing.")
@click.option("--older-than", metavar="AGE", help="What is older (90s, 30m, 2h, 1.5d), whether it has expired or not.")
@click.option("--run", "run_id", default="", metavar="RUN", help="What this run has left, and no other.")
@click.option("--force", is_flag=True, help="Also what a running step uses; of a --run also what has not expired.")
@click.option("--wait", default="20m", show_default=True, metavar="AGE", help="For what cannot be deleted yet.")
@_store
@_offline
@_as_json
def gc(  # noqa: PLR0913 - one parameter for each option of the command
    older_than: str | None,
    run_id: str,
    wait: str,
    store: str,
    *,
    dry_run: bool,
    force: bool,
    offline: bool,
    as_json: bool,
) -> int:
    """Remove what runs have left behind that could cost money: endpoints, training jobs.

    Looks through the ledgers of the runs in the store, and asks plugins for what has the tags of a run. Spares what a
    running step uses, a training that a resumed run goes on with, and tagged resources that have not expired.
    """
    from llmops_sdk.collecting import Choice, find_leftovers, parse_age, remove
    from llmops_sdk.progress import progress_for
    from llmops_sdk.registry import Registry, open_store
    from llmops_sdk.running import Runtime
    from llmops_sdk.running.runtime import default_home

    age, patience = None if older_than is None else parse_age(older_than), parse_age(wait)
    registry = Registry.load()
    with progress_for(quiet=as_json) as progress:
        runtime = Runtime(registry, default_home(), offline=offline, progress=progress)
        choice = Choice(run_id=run_id, older_than=age, force=force)
        found = find_leftovers(open_store(store, registry), runtime, choice)
        if not dry_run:
            found = remove(found, runtime, patience=patience)
    if as_json:
        click.echo(json.dumps(found.json, indent=2, ensure_ascii=False))
    else:
        from llmops_sdk.console import show_leftovers

        show_leftovers(found)
    return OK if found.clean else LEFT


@cli.command()
@click.argument("kind", required=False)
@click.option("--schema", is_flag=True, help="Print the JSON schema of specification files, with these plugins.")
@_as_json
def plugins(kind: str | None, *, schema: bool, as_json: bool) -> None:
    """List what plugins offer, with options, and why a plugin is broken."""
    from llmops_sdk.console import plugins_json, show_plugins
    from llmops_sdk.registry import KINDS, Registry
    from llmops_sdk.schema import specification_schema

    registry = Registry.load()
    if kind is not None and kind not in KINDS:
        _usage(f"a kind is one of {', '.join(KINDS)}, not {kind!r}")
    if schema:
        click.echo(json.dumps(specification_schema(registry), indent=2))
    elif as_json:
        click.echo(json.dumps(plugins_json(registry, kind), indent=2))
    else:
        show_plugins(registry, kind)


@cli.group(invoke_without_command=True)
@click.pass_context
def examples(context: click.Context) -> None:
    """List the packaged examples, show one, or run one."""
    if context.invoked_subcommand is None:
        from llmops_sdk.examples import list_examples

        for example in list_examples():
            click.echo(f"{example.name:<16} {example.summary}")


@examples.command("show")
@click.argument("name")
def show_example(name: str) -> None:
    """Print an example, to be kept in a file and changed."""
    from llmops_sdk.examples import find_example

    click.echo(find_example(name).path.read_text(encoding="utf-8"), nl=False)


@examples.command("run", context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def run_example(context: click.Context, name: str, arguments: tuple[str, ...]) -> int:
    """Run an example; further options are those of `llmops run`, or the script's own."""
    import subprocess

    from llmops_sdk.examples import find_example

    example = find_example(name)
    if example.path.suffix == ".py":
        return subprocess.run([sys.executable, str(example.path), *arguments], check=False).returncode  # noqa: S603 - the package's own script
    with run.make_context("run", [name, *arguments], parent=context) as made:
        return int(run.invoke(made) or OK)


@cli.group()
def assets() -> None:
    """Weights and dictionaries that this machine needs once: list, fetch, verify."""


@assets.command("list")
def list_assets() -> None:
    """List the assets, and which are here."""
    from llmops_sdk.console import show_assets
    from llmops_sdk.registry import Registry
    from llmops_sdk.running.runtime import default_home

    show_assets(Registry.load().assets(), default_home())


@assets.command("get")
@click.argument("names", nargs=-1)
@click.option("--for", "specification", metavar="FILE|EXAMPLE", help="Fetch what this pipeline needs.")
@click.option("--all", "everything", is_flag=True, help="Fetch every asset.")
@_offline
def get_assets(names: tuple[str, ...], specification: str | None, *, everything: bool, offline: bool) -> int:
    """Fetch assets; one that cannot be had does not stop the others."""
    from llmops_sdk.progress import progress_for
    from llmops_sdk.registry import Registry
    from llmops_sdk.running import Runtime
    from llmops_sdk.running.runtime import default_home

    registry = Registry.load()
    if not (names or specification or everything):
        known = registry.assets()
        size = f"{sum(asset.size for asset in known) / 1e6:,.0f} MB"
        _usage(f"name assets, or --for FILE|EXAMPLE, or --all ({len(known)} assets, {size}): see llmops assets list")
    wanted = [registry.asset(name).name for name in names]
    wanted += _pipeline(specification, ()).build(registry).assets if specification else ()
    wanted += [asset.name for asset in registry.assets()] if everything else ()
    failed = []
    with progress_for() as progress:
        runtime = Runtime(registry, default_home(), offline=offline, progress=progress)
        for name in dict.fromkeys(wanted):
            try:
                progress.say(f"{name}: {runtime.asset(name)}")
            except UserError as exc:
                progress.say(f"{name}: failed")
                failed.append(f"error: {exc}")
    for line in failed:
        click.echo(line, err=True)
    return MISTAKE if failed else OK


@assets.command("verify")
@click.argument("names", nargs=-1)
def verify_assets(names: tuple[str, ...]) -> int:
    """Hash the assets that are here, and say what is wrong with them."""
    from llmops_sdk.assets import find_asset, verify_asset
    from llmops_sdk.registry import Registry
    from llmops_sdk.running.runtime import default_home

    registry, home, broken = Registry.load(), default_home(), False
    chosen = [registry.asset(name) for name in names] or [a for a in registry.assets() if find_asset(a, home)]
    for asset in chosen:
        problems = verify_asset(asset, home)
        broken = broken or bool(problems)
        click.echo(f"{asset.name}: {'; '.join(problems) if problems else 'ok'}")
    return MISTAKE if broken else OK


@cli.command()
@click.option("--for", "specification", metavar="FILE|EXAMPLE", help="Look for what this pipeline needs.")
@click.option(
    "--offline", is_flag=True, envvar="LLMOPS_OFFLINE", help="Look as for a run offline: what is not here is an error."
)
def doctor(specification: str | None, *, offline: bool) -> int:
    """Look at this machine: what works, what does not, and what to type. Touches no network."""
    from llmops_sdk.console import show_findings
    from llmops_sdk.doctor import checks
    from llmops_sdk.registry import Registry
    from llmops_sdk.running.runtime import default_home

    pipeline = _pipeline(specification, ()) if specification else None
    found = checks(Registry.load(), default_home(), offline=offline, pipeline=pipeline)
    return FAULT if show_findings(found) else OK


def _pipeline(specification: str, overrides: tuple[str, ...]) -> Pipeline:
    from llmops_sdk.builder import Pipeline
    from llmops_sdk.examples import find_example

    path = Path(specification)
    if not path.exists() and path.suffix == "" and "/" not in specification:
        path = find_example(specification).path
    return Pipeline.from_yaml(path, overrides=overrides)


def _open(run_id: str, store: str) -> Run:
    from llmops_sdk.registry import open_store
    from llmops_sdk.runs import Run

    return Run.open(open_store(store), run_id)


def _tell_result(result: Result, *, quiet: bool, as_json: bool) -> None:
    from llmops_sdk.serial import to_json

    if as_json:
        found: dict[str, Any] = to_json(result.results)
        click.echo(json.dumps({**found, "report": f"{result.run.location}/report.html"}, ensure_ascii=False))
        return
    from llmops_sdk.console import show_run

    if quiet:
        for board in result.leaderboards:
            click.echo(board.verdict.text)
        return
    show_run(result.run)


def _usage(message: str) -> NoReturn:
    raise click.UsageError(message)


def _interrupted(store: str, interrupt: KeyboardInterrupt | None = None) -> int:
    """Say how to go on with what was interrupted: the run that the interrupt names, or the last one of the store."""
    click.echo("stopped", err=True)
    if not store:
        return INTERRUPTED
    try:
        run_id, store = interrupt.args if interrupt is not None and interrupt.args else (_last_run(store), store)
    except UserError as exc:
        click.echo(f"error: {exc}", err=True)
        return INTERRUPTED
    if run_id:
        where = "" if Path(store) == Path(STORE).absolute() or store == STORE else f" --store {shlex.quote(store)}"
        click.echo(f"what is finished is kept; go on with: llmops run --resume {run_id}{where}", err=True)
    return INTERRUPTED


def _last_run(store: str) -> str:
    from llmops_sdk.registry import open_store
    from llmops_sdk.runs import list_runs

    found = list_runs(open_store(store))
    return str(found[-1]["run"]) if found else ""


if __name__ == "__main__":
    sys.exit(main())
