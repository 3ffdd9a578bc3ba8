"""The command that reads the record again."""

from __future__ import annotations

import click

from llmops_sdk.cli.exits import INCOMPLETE, OK
from llmops_sdk.cli.help import Command
from llmops_sdk.cli.options import json_option, open_run, run_argument, store_option
from llmops_sdk.cli.output.text import echo, echo_json


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
