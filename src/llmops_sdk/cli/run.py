"""The commands that run a pipeline, or show what would run."""

from __future__ import annotations

import json

import click

from llmops_sdk.cli.common import (
    OK,
    end,
    interrupted,
    json_option,
    offline_option,
    on_option,
    pipeline_of,
    set_option,
    store_option,
    usage,
)


@click.command()
@click.argument("specification", required=False, metavar="FILE|EXAMPLE")
@click.option("--resume", "run_id", metavar="RUN", help="Go on with a run (its id, a beginning of it, or `latest`).")
@on_option
@click.option(
    "--detach", is_flag=True, help="Return when the run is begun, where steps run elsewhere; `llmops attach` goes on."
)
@set_option
@store_option
@offline_option
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but the verdict.")
@json_option
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
    from llmops_sdk.pipeline.execution import resume
    from llmops_sdk.progress import progress_for

    if (specification is None) == (run_id is None):
        usage("name a specification file or example, or a run with --resume; `llmops examples` lists some")
    if run_id is not None and (on or overrides):
        usage("--resume goes on with the run as it was planned; --on and --set are for new runs")
    if run_id is not None and detach:
        usage("--detach is for new runs")
    progress = progress_for(quiet=quiet or as_json)
    try:
        if run_id is not None:
            result = resume(run_id, store=store, offline=offline, progress=progress)
        else:
            result = pipeline_of(specification or "", overrides).run(
                on=on, store=store, offline=offline, detach=detach, progress=progress
            )
    except KeyboardInterrupt as exc:
        return interrupted(store, exc)
    if detach:
        click.echo(result.run.id)
        return OK
    return end(result, quiet=quiet, as_json=as_json)


@click.command()
@click.argument("run_id", metavar="RUN", default="latest")
@store_option
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but the verdict.")
@json_option
def attach(run_id: str, store: str, *, quiet: bool, as_json: bool) -> int:
    """Wait for the end of a run that was begun with --detach, here or elsewhere, and show its result."""
    from llmops_sdk.pipeline.execution import attach as wait
    from llmops_sdk.progress import progress_for

    try:
        result = wait(run_id, store=store, progress=progress_for(quiet=quiet or as_json))
    except KeyboardInterrupt as exc:
        return interrupted(store, exc)
    return end(result, quiet=quiet, as_json=as_json)


@click.command("compile")
@click.argument("specification", metavar="FILE|EXAMPLE")
@on_option
@click.option("--full", is_flag=True, help="In the form in which it is sent, without its secrets.")
@set_option
def compile_(specification: str, on: str, overrides: tuple[str, ...], *, full: bool) -> None:
    """Print, as JSON, what a pipeline becomes where its steps run elsewhere; nothing is created or started."""
    from llmops_sdk.plugin.registry import Registry
    from llmops_sdk.progress import progress_for
    from llmops_sdk.steps.runtime import Runtime, default_home

    registry, pipeline = Registry.load(), pipeline_of(specification, overrides)
    made = pipeline.on_executor(on, registry).build(registry, offline=not full)
    executor = registry.make("executor", made.executor.use, made.executor.options)
    with progress_for() as progress:
        runtime = Runtime(registry, default_home(), progress=progress)
        compiled = executor.compile(made, runtime, full=full)
    click.echo(json.dumps(compiled, indent=2, ensure_ascii=False))


@click.command()
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
@store_option
@offline_option
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but the verdict.")
@json_option
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

    from llmops_sdk.pipeline.rescoring import rescore
    from llmops_sdk.progress import progress_for

    given = []
    for text in evaluators:
        try:
            given.append(yaml.safe_load(text))
        except yaml.YAMLError as exc:
            usage(f"--evaluator {text!r} is neither a name nor YAML: {' '.join(str(exc).split())}")
    progress = progress_for(quiet=quiet or as_json)
    try:
        result = rescore(run_id, given, metric=metric, store=store, offline=offline, progress=progress)
    except KeyboardInterrupt as exc:
        return interrupted(store, exc)
    return end(result, quiet=quiet, as_json=as_json)


@click.command()
@click.argument("specification", metavar="FILE|EXAMPLE")
@on_option
@set_option
@offline_option
@json_option
def plan(specification: str, on: str, overrides: tuple[str, ...], *, offline: bool, as_json: bool) -> None:
    """Check a pipeline and show what would run, with every default filled in; and what it still lacks."""
    from llmops_sdk.plugin.registry import Registry

    registry, pipeline = Registry.load(), pipeline_of(specification, overrides)
    made = pipeline.on_executor(on, registry).build(registry, offline=offline)
    if as_json:
        click.echo(json.dumps(made.json, indent=2, ensure_ascii=False))
        return
    from llmops_sdk.cli.console import show_findings, show_plan
    from llmops_sdk.planning.preflight import preflight_checks

    show_plan(made)
    if not offline:
        show_findings(preflight_checks(made, registry), quiet=True)
