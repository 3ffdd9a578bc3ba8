"""The commands that read the records of runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from llmops_sdk.cli.exits import INCOMPLETE, OK, usage_error
from llmops_sdk.cli.help import Argument, Command
from llmops_sdk.cli.options import json_option, offline_option, open_run, run_argument, store_option
from llmops_sdk.cli.output.text import echo, echo_json

if TYPE_CHECKING:
    from llmops_sdk.record.run import Run

_LONGEST_HINT = 300


@click.command(cls=Command)
@run_argument
@store_option
@json_option
def show(run_id: str, store: str, *, as_json: bool) -> int:
    """Show the results of a run, or its progress.

    The exit code is 3 if a candidate failed, as that of `llmops run`.
    """
    from llmops_sdk.cli.output.run import failures, show_run
    from llmops_sdk.cli.output.steps import show_reasons

    opened = open_run(run_id, store)
    if as_json:
        from llmops_sdk.values.serial import to_json

        echo_json(to_json(opened.results()), indent=2)
    else:
        show_run(opened)
        show_reasons(opened)
    if opened.has_results:
        return INCOMPLETE if failures(opened.results()) else OK
    from llmops_sdk.values.step_records import Failed

    has_failed = any(isinstance(opened.record(step.name), Failed) for step in opened.plan.steps)
    return INCOMPLETE if has_failed else OK


@click.command(cls=Command)
@click.argument(
    "run_ids",
    cls=Argument,
    nargs=-1,
    metavar="[RUN]...",
    description="A run: its ID, a unique prefix of it, the name of a pipeline (its newest run), its address, or `latest`; "
    "or several, for one report over all of them.  [default: latest]",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write, instead of report.html in the run's record, or report-of-N-runs.html for several runs.",
)
@click.option(
    "--as",
    "reporter",
    default="",
    metavar="REPORTER",
    help="Call this reporter instead: one of the run's own, with its options, or any other; `llmops plugins` lists them.",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="OPTION=VALUE",
    help="With --as, an option of the reporter, such as path=scores.parquet. The value is YAML. May be repeated.",
)
@store_option
@offline_option
def report(
    run_ids: tuple[str, ...],
    output: Path | None,
    reporter: str,
    overrides: tuple[str, ...],
    store: str,
    *,
    offline: bool,
) -> None:
    """Write the HTML report of a run again, or call another reporter.

    With several runs, writes one report with the candidates of all of them side by side.
    """
    run_id, *others = run_ids or ("latest",)
    if reporter:
        if others:
            usage_error("--as is for one run: name one")
        if output:
            usage_error("-o is for the HTML report; the options of a reporter are set with --set OPTION=VALUE")
        _report_as(open_run(run_id, store), reporter, overrides, offline=offline)
        return
    if overrides:
        usage_error("--set is for the reporter that --as names")
    runs = [open_run(name, store) for name in (run_id, *others)]
    if others:
        from llmops_sdk.report.several.collect import report_runs

        echo(report_runs(runs, output or Path(f"report-of-{len(runs)}-runs.html")))
        return
    from llmops_sdk.report.collect import report_run

    echo(report_run(runs[0], output))


@click.command(cls=Command)
@store_option
@json_option
def runs(store: str, *, as_json: bool) -> int:
    """List the runs in the store, newest last."""
    from llmops_sdk.cli.output.runs import list_states, show_runs
    from llmops_sdk.plugin.stores import open_store

    opened = open_store(store)
    states, problems = list_states(opened)
    for problem in problems:
        echo(f"not readable: {problem}", err=True)
    if as_json:
        echo_json([state.json for state in states], indent=2)
    else:
        show_runs(states)
    return INCOMPLETE if problems else OK


@click.command(cls=Command)
@run_argument
@click.argument(
    "step",
    cls=Argument,
    required=False,
    metavar="[STEP]",
    description="A step, such as generate.base; omit it to list the steps that have a log.",
)
@store_option
def logs(run_id: str, step: str | None, store: str) -> None:
    """Print the log of a step, or list the logs of a run."""
    opened = open_run(run_id, store)
    names = opened.logs()
    if step is None:
        for name in names:
            echo(name)
        return
    data = opened.read_log(step)
    if data is None:
        from llmops_sdk.errors import RunNotFoundError, did_you_mean

        if step in opened.plan.step_by_name:
            message = f"step {step!r} of run {opened.id!r} has no log: {_why_no_log(opened, step)}"
            raise RunNotFoundError(message)
        hint = did_you_mean(step, [*opened.plan.step_by_name, *names])
        if len(hint) > _LONGEST_HINT:
            hint = f"; list its logs with: llmops logs {opened.id}"
        message = f"run {opened.id!r} has no step {step!r}{hint}"
        raise RunNotFoundError(message)
    echo(data.decode("utf-8", errors="replace"), nl=False)


@click.command(cls=Command)
@run_argument
@click.argument(
    "step",
    cls=Argument,
    required=False,
    metavar="[STEP]",
    description="A step, such as generate.base; omit it for a line about each step.",
)
@store_option
@json_option
def explain(run_id: str, step: str | None, store: str, *, as_json: bool) -> None:
    """Say why a step ran or was reused: which inputs changed.

    A step is compared with the same step of the newest earlier run of the pipeline that completed it.
    """
    from llmops_sdk.cli.output.steps import show_explanation, show_explanations
    from llmops_sdk.explain.explanation import explain_run, explain_step
    from llmops_sdk.values.serial import to_json

    run = open_run(run_id, store)
    explained = [explain_step(run, step)] if step else explain_run(run)
    if as_json:
        shown = [to_json(explanation) for explanation in explained]
        echo_json(shown[0] if step else shown, indent=2)
    elif step:
        show_explanation(explained[0])
    else:
        show_explanations(run.id, explained)


@click.command(cls=Command)
@run_argument
@click.option("--all", "everything", is_flag=True, help="All runs and artifacts of the store.")
@store_option
@json_option
def verify(run_id: str, store: str, *, everything: bool, as_json: bool) -> int:
    """Read a run again, and show what is damaged.

    Compares every file with the hash that was recorded of it, and shows what becomes of those that are damaged.
    Changes nothing; exits with 3 if something is damaged.
    """
    from llmops_sdk.pipeline.verification import verify_run, verify_store
    from llmops_sdk.plugin.stores import open_store
    from llmops_sdk.values.serial import to_json

    verification = verify_store(open_store(store)) if everything else verify_run(open_run(run_id, store))
    if as_json:
        echo_json(to_json(verification), indent=2)
    else:
        for damage in verification.damages:
            echo(f"damaged: {damage.item}: {damage.reason}; {damage.remedy}")
        if not verification.damages:
            echo(f"sound: {verification.runs} runs, {verification.artifacts} artifacts")
    return INCOMPLETE if verification.damages else OK


def _report_as(run: Run, reporter: str, overrides: tuple[str, ...], *, offline: bool) -> None:
    from llmops_sdk.pipeline.execution import open_runtime
    from llmops_sdk.pipeline.reporting import report_as
    from llmops_sdk.planning.specification.files import read_options
    from llmops_sdk.plugin.registry import Registry

    options = read_options(overrides)
    with open_runtime(Registry.load(), offline=offline, progress=None) as runtime:
        report_as(run, reporter, options, runtime)


def _why_no_log(run: Run, step: str) -> str:
    from llmops_sdk.values.step_records import Failed, Succeeded

    record = run.record(step)
    if isinstance(record, Succeeded):
        return f"it was reused, {record.reason}" if record.cached and record.reason else "it logged nothing"
    if isinstance(record, Failed) and record.cause != step:
        return f"it did not run, because step {record.cause!r} failed"
    return "it did not run yet"
