"""The commands that run a pipeline, reconnect to a run, or add scores to one."""

from __future__ import annotations

from typing import Any

import click

from llmops_sdk.cli.exits import OK, evaluated_or_not, finish, interrupted, usage_error
from llmops_sdk.cli.help import Command
from llmops_sdk.cli.options import (
    fresh_option,
    json_option,
    offline_option,
    on_option,
    optional_specification_argument,
    quiet_option,
    read_pipeline,
    run_argument,
    set_option,
    store_option,
)
from llmops_sdk.cli.output.text import echo
from llmops_sdk.errors import SpecError


@click.command(cls=Command)
@optional_specification_argument
@click.option(
    "--resume",
    "run_id",
    metavar="RUN",
    help="Resume a run: its ID, a unique prefix, the name of a pipeline, or `latest`.",
)
@on_option
@click.option("--detach", is_flag=True, help="Return once a remote run has started; reconnect with `llmops attach`.")
@set_option
@fresh_option
@store_option
@offline_option
@quiet_option
@json_option
def run(  # noqa: PLR0913 - one parameter for each option of the command
    specification: str | None,
    run_id: str | None,
    on: str,
    overrides: tuple[str, ...],
    fresh: tuple[str, ...],
    store: str,
    *,
    detach: bool,
    offline: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Run a pipeline, or resume a run, and show the verdict."""
    from llmops_sdk.pipeline.execution import resume
    from llmops_sdk.progress import progress_for

    if (specification is None) == (run_id is None):
        usage_error("name a specification file or example, or a run with --resume; `llmops examples` lists examples")
    if run_id is not None and (on or overrides or fresh):
        usage_error("--on, --set and --fresh are for new runs; --resume continues the run as it was planned")
    if run_id is not None and detach:
        usage_error("--detach is for new runs")
    progress = progress_for(quiet=quiet or as_json)
    try:
        with evaluated_or_not() as results:
            if run_id is not None:
                results.append(resume(run_id, store=store, offline=offline, progress=progress))
            else:
                pipeline = read_pipeline(specification or "", overrides)
                results.append(
                    pipeline.run(on=on, store=store, offline=offline, detach=detach, fresh=fresh, progress=progress)
                )
    except KeyboardInterrupt as exc:
        return interrupted(exc)
    if detach:
        echo(results[0].run.id)
        return OK
    return finish(results[0], quiet=quiet, as_json=as_json)


@click.command(cls=Command)
@run_argument
@store_option
@quiet_option
@json_option
def attach(run_id: str, store: str, *, quiet: bool, as_json: bool) -> int:
    """Reconnect to a remote run, wait for it and show the verdict.

    The run may have been started with --detach, or on another machine that uses the same store.
    """
    from llmops_sdk.pipeline.execution import attach as wait
    from llmops_sdk.progress import progress_for

    try:
        with evaluated_or_not() as results:
            results.append(wait(run_id, store=store, progress=progress_for(quiet=quiet or as_json)))
    except KeyboardInterrupt as exc:
        return interrupted(exc)
    return finish(results[0], quiet=quiet, as_json=as_json)


@click.command(cls=Command)
@run_argument
@click.option(
    "--evaluator",
    "-e",
    "evaluators",
    multiple=True,
    required=True,
    metavar="NAME|YAML",
    help="An evaluator to add: its name, or as in a specification: '{use: NAME, option: value}'. May be repeated.",
)
@click.option(
    "--decide-by", "metric", default="", metavar="NAME", help="The deciding metric, if not the one of the run."
)
@store_option
@offline_option
@quiet_option
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
    """Add evaluators to a finished run, without calling any model.

    Creates a new run that reuses the answers of the finished one.
    """
    from llmops_sdk.pipeline.rescoring import rescore
    from llmops_sdk.progress import progress_for

    progress = progress_for(quiet=quiet or as_json)
    try:
        result = rescore(
            run_id,
            [_read_evaluator(text) for text in evaluators],
            metric=metric,
            store=store,
            offline=offline,
            progress=progress,
        )
    except KeyboardInterrupt as exc:
        return interrupted(exc)
    added = [evaluator.name for evaluator in result.run.plan.evaluators[-len(evaluators) :]]
    return finish(result, quiet=quiet, as_json=as_json, first=added)


def _read_evaluator(text: str) -> Any:
    from llmops_sdk.planning.specification.yaml_text import parse_yaml

    try:
        return parse_yaml(text, "--evaluator")
    except SpecError as exc:
        usage_error(f"--evaluator {text!r} is neither a name nor YAML: {exc}")
