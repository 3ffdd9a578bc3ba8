"""The options and arguments that commands share, and what they name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from llmops_sdk.cli.help import Argument
from llmops_sdk.cli.output.text import echo
from llmops_sdk.record.stores import DEFAULT_STORE

if TYPE_CHECKING:
    from llmops_sdk.pipeline.pipeline import Pipeline
    from llmops_sdk.record.run import Run

_SPECIFICATION = "A specification file (YAML), or the name of a packaged example."

specification_argument = click.argument(
    "specification", cls=Argument, metavar="FILE|EXAMPLE", description=_SPECIFICATION
)
optional_specification_argument = click.argument(
    "specification",
    cls=Argument,
    required=False,
    metavar="[FILE|EXAMPLE]",
    description=f"{_SPECIFICATION} Omit it with --resume.",
)
run_argument = click.argument(
    "run_id",
    cls=Argument,
    default="latest",
    metavar="[RUN]",
    description="A run: its ID, a unique prefix of it, the name of a pipeline (its newest run), its address, or `latest`.  "
    "[default: latest]",
)
store_option = click.option(
    "--store",
    default=DEFAULT_STORE,
    envvar="LLMOPS_STORE",
    show_default=True,
    show_envvar=True,
    metavar="FOLDER|URI",
    help="Where runs are stored.",
)


def _keep_stdout(context: click.Context, _parameter: click.Parameter, value: bool) -> bool:  # noqa: FBT001 - click's form
    if value:
        from llmops_sdk.cli.output.text import json_output

        context.with_resource(json_output(context))
    return value


json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    is_eager=True,
    callback=_keep_stdout,
    help="Write JSON to standard output, and nothing else.",
)
quiet_option = click.option("--quiet", "-q", is_flag=True, help="Print only the verdict.")
offline_option = click.option(
    "--offline", is_flag=True, envvar="LLMOPS_OFFLINE", show_envvar=True, help="Make no network requests."
)
on_option = click.option(
    "--on", default="", metavar="EXECUTOR", help="Run on this executor, not on the one that the specification names."
)
set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY.PATH=VALUE",
    help="Override a value of the specification, such as models.1.trainer.epochs=2. The value is YAML: put text with ': ' "
    "or brackets in two kinds of quotes: --set 'prompts.0.prompt=\"Q: {question}\"'. May be repeated.",
)

fresh_option = click.option(
    "--fresh",
    multiple=True,
    metavar="STEP",
    help="Do a step again, whatever earlier runs made: its name or its kind (prepare, train, generate, score), or load.",
)


def read_pipeline(specification: str, overrides: tuple[str, ...] = ()) -> Pipeline:
    """Read a specification file, or the packaged example of that name."""
    from llmops_sdk.cli.catalog import find_example
    from llmops_sdk.pipeline.pipeline import Pipeline

    path = Path(specification)
    if not path.exists() and path.suffix == "" and "/" not in specification:
        path = find_example(specification, or_file=True).specification()
    return Pipeline.from_yaml(path, overrides=overrides)


def open_run(run_id: str, store: str) -> Run:
    """Open the record of a run: one of the store, or one by its address, `s3://bucket/prefix/runs/RUN`."""
    from llmops_sdk.plugin.stores import open_store
    from llmops_sdk.record.run import Run
    from llmops_sdk.record.runs import unreadable_runs

    if "://" in run_id:
        store, _, run_id = run_id.partition("/runs/")
        run_id = run_id.strip("/") or "latest"
    opened = open_store(store)
    if run_id == "latest":
        for broken in unreadable_runs(opened):
            echo(f"not readable: run {broken.run}: {broken.error}", err=True)
    return Run.open(opened, run_id)
