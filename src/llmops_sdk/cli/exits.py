"""How a command ends: its exit code, the result it shows, and what it prints when it is stopped."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, NoReturn

import click

from llmops_sdk.errors import RunInterrupted, UserError

if TYPE_CHECKING:
    from llmops_sdk.pipeline.result import Result

OK = 0
FAULT = 1
"""A fault of the SDK; Python prints the traceback."""
MISTAKE = 2
"""Something the user can fix; printed as one message."""
INCOMPLETE = 3
"""Finished, but a candidate failed; for `gc`, a resource is left."""
INTERRUPTED = 130
"""Stopped with Ctrl-C; 143 with SIGTERM, 129 with SIGHUP."""


def finish(result: Result, *, quiet: bool, as_json: bool) -> int:
    """Show a result and return the exit code."""
    _show_result(result, quiet=quiet, as_json=as_json)
    if not result.failures:
        return OK
    no_data = all(cell.step.startswith("prepare.") for cell in result.failures)
    return MISTAKE if no_data and not any(board.cells for board in result.leaderboards) else INCOMPLETE


def _show_result(result: Result, *, quiet: bool, as_json: bool) -> None:
    from llmops_sdk.cli.output.run import report_location, show_run
    from llmops_sdk.values.serial import to_json

    if as_json:
        results: dict[str, Any] = to_json(result.results)
        click.echo(json.dumps({**results, "report": report_location(result.run)}, ensure_ascii=False))
        return
    if quiet:
        for board in result.leaderboards:
            click.echo(board.verdict.text)
        return
    show_run(result.run)


def usage_error(message: str) -> NoReturn:
    """End with a usage error."""
    raise click.UsageError(message)


def interrupted(interrupt: KeyboardInterrupt | None = None, store: str = "") -> int:
    """Print how to resume the run that was stopped, and return the exit code: 128 and the number of the signal.

    Args:
        interrupt: Names the run if one had started.
        store: Where to look for the latest run if `interrupt` names none; empty to look nowhere.
    """
    from llmops_sdk.pipeline.interruption import resume_command
    from llmops_sdk.steps.signals import received_signal

    lines = ["stopped"]
    number = interrupt.signal if isinstance(interrupt, RunInterrupted) else received_signal()
    try:
        if isinstance(interrupt, RunInterrupted):
            lines.append(interrupt.advice)
        elif store and (run_id := _latest_run(store)):
            lines.append(f"completed work is saved; resume with: {resume_command(run_id, store)}")
    except UserError as exc:
        lines.append(f"error: {exc}")
    with contextlib.suppress(OSError):  # a closed terminal takes no text
        click.echo("\n".join(lines), err=True)
    return 128 + number


def _latest_run(store: str) -> str:
    from llmops_sdk.plugin.stores import open_store
    from llmops_sdk.record.runs import list_runs

    runs = list_runs(open_store(store))
    return runs[-1].run if runs else ""
