"""The commands that run a pipeline, reconnect to a run, add scores to one, or compare results that exist already."""

from __future__ import annotations

from typing import Any

import click

from llmops_sdk.cli.exits import OK, evaluated_or_not, finish, interrupted, usage_error
from llmops_sdk.cli.help import Argument, Command
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
@click.option(
    "--budget",
    type=float,
    metavar="USD",
    help="With --resume: the most that the run may cost, in US dollars, with what it spent already.",
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
    budget: float | None,
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
    if run_id is None and budget is not None:
        usage_error("--budget is for --resume; of a new run it is --set budget.usd=USD")
    if run_id is not None and detach:
        usage_error("--detach is for new runs")
    progress = progress_for(quiet=quiet or as_json)
    try:
        with evaluated_or_not() as results:
            if run_id is not None:
                results.append(resume(run_id, budget_usd=budget, store=store, offline=offline, progress=progress))
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


@click.command(cls=Command)
@click.argument(
    "sources",
    cls=Argument,
    nargs=-1,
    required=True,
    metavar="SOURCE...",
    description="What to compare: a result file or folder of another tool, a table (CSV, JSON lines, Parquet), a finished "
    "run (RUN, or RUN:CANDIDATE for one of its candidates); each also as NAME=SOURCE.",
)
@click.option(
    "--id",
    "id_field",
    default="",
    metavar="FIELD",
    help="The field that pairs the rows; by default one with a usual name.",
)
@click.option(
    "--score", "scores", multiple=True, metavar="FIELD", help="A field of tables with scores. May be repeated."
)
@click.option(
    "--group", default="", metavar="FIELD", help="The field, such as document, whose rows depend on each other."
)
@click.option(
    "--as", "importer", default="", metavar="IMPORTER", help="The importer that reads all files, if it is not found."
)
@click.option(
    "--set", "settings", multiple=True, metavar="OPTION=VALUE", help="Another option of the importers. May be repeated."
)
@click.option(
    "--decide-by",
    "--metric",
    "metric",
    default="",
    metavar="NAME",
    help="The metric that decides; by default the first that all have.",
)
@click.option(
    "--lower-is-better", "lower", multiple=True, metavar="METRIC", help="Less of it is better. May be repeated."
)
@click.option(
    "--higher-is-better", "higher", multiple=True, metavar="METRIC", help="More of it is better. May be repeated."
)
@click.option(
    "--bounds",
    multiple=True,
    metavar="METRIC=LOW:HIGH",
    help="The smallest and the largest score of a metric, if the files do not show them. May be repeated.",
)
@click.option("--baseline", default="", metavar="NAME", help="The candidate that the others must not be worse than.")
@click.option("--margin", type=float, metavar="NUMBER", help="The difference from the baseline that does not matter.")
@click.option(
    "--allow-different",
    "allowed",
    multiple=True,
    metavar="WHAT",
    help="What may differ between sources under one ID, such as prompt, target, grader or generation. May be repeated.",
)
@click.option("--name", default="compare", show_default=True, metavar="NAME", help="What the run's ID starts with.")
@store_option
@quiet_option
@json_option
def compare(  # noqa: PLR0913 - one parameter for each option of the command
    sources: tuple[str, ...],
    *,
    id_field: str,
    scores: tuple[str, ...],
    group: str,
    importer: str,
    settings: tuple[str, ...],
    metric: str,
    lower: tuple[str, ...],
    higher: tuple[str, ...],
    bounds: tuple[str, ...],
    baseline: str,
    margin: float | None,
    allowed: tuple[str, ...],
    name: str,
    store: str,
    quiet: bool,
    as_json: bool,
) -> int:
    """Compare results that exist already, and show the verdict.

    Reads result files of other tools and finished runs, pairs their records, and creates a run like any other: show,
    report, score and gate work on it.
    """
    from llmops_sdk.pipeline.imports.compare import compare as compare_sources
    from llmops_sdk.progress import progress_for

    options = {"id": id_field, "score": scores, "group": group}
    try:
        result = compare_sources(
            sources,
            metric=metric,
            baseline=baseline,
            margin=margin,
            options={**{name: value for name, value in options.items() if value}, **_read_settings(settings)},
            importer=importer,
            higher_is_better=_read_directions(lower, higher),
            bounds=dict(map(_read_bounds, bounds)),
            allow_different=allowed,
            name=name,
            store=store,
            offline=True,
            progress=progress_for(quiet=quiet or as_json),
        )
    except KeyboardInterrupt as exc:
        return interrupted(exc)
    return finish(result, quiet=quiet, as_json=as_json)


def _read_settings(texts: tuple[str, ...]) -> dict[str, Any]:
    """Return the options that `--set OPTION=VALUE` gives; a value is YAML."""
    from llmops_sdk.planning.specification.yaml_text import parse_yaml

    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            usage_error(f"--set takes OPTION=VALUE, not {text!r}")
        try:
            values[name] = parse_yaml(value, f"--set {name}")
        except SpecError as exc:
            usage_error(str(exc))
    return values


def _read_directions(lower: tuple[str, ...], higher: tuple[str, ...]) -> dict[str, bool]:
    """Return which metrics are better the higher or the lower they are."""
    both = next((name for name in lower if name in higher), None)
    if both is not None:
        usage_error(f"--lower-is-better and --higher-is-better both name {both!r}")
    return {**dict.fromkeys(lower, False), **dict.fromkeys(higher, True)}


def _read_bounds(text: str) -> tuple[str, tuple[float, float]]:
    name, _, ends = text.rpartition("=")
    low, _, high = ends.partition(":")
    try:
        return name, (float(low), float(high))
    except ValueError:
        usage_error(f"--bounds takes METRIC=LOW:HIGH, such as quality=0:1, not {text!r}")
