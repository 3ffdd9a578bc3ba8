"""The command that says why steps ran or were reused."""

from __future__ import annotations

import click

from llmops_sdk.cli.help import Argument, Command
from llmops_sdk.cli.options import json_option, open_run, run_argument, store_option
from llmops_sdk.cli.output.text import echo_json


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
    """Say why a step of a run ran or was reused, and which inputs changed.

    A step is compared with the same step of the newest earlier run of the pipeline that completed it.
    """
    from llmops_sdk.cli.output.explanation import show_explanation, show_explanations
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
