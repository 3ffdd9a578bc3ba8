"""How a command ends: its exit code, the result it shows, and what it prints when it is stopped."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import click

from llmops_sdk.cli.output.text import echo, echo_json
from llmops_sdk.errors import RunInterrupted, StepFailedError

if TYPE_CHECKING:
    from llmops_sdk.pipeline.result import Result

OK = 0
FAULT = 1
"""A fault of the SDK; Python prints the traceback."""
MISTAKE = 2
"""Something the user can fix; printed as one message."""
INCOMPLETE = 3
"""Finished, but a candidate failed; for `gc`, a resource is left."""
NO_GO = 4
"""A condition of a gate is shown to be broken."""
INCONCLUSIVE = 5
"""A condition of a gate cannot be decided by the records of the run."""
INTERRUPTED = 130
"""Stopped with Ctrl-C; 143 with SIGTERM, 129 with SIGHUP."""


@contextmanager
def evaluated_or_not() -> Iterator[list[Result]]:
    """Yield a list for the result of a run; of a run in which no candidate could be evaluated, its result is put there."""
    from llmops_sdk.pipeline.result import Result

    results: list[Result] = []
    try:
        yield results
    except StepFailedError as exc:
        if exc.run is None:
            raise
        results.append(Result(exc.run))


def finish(result: Result, *, quiet: bool, as_json: bool, first: Sequence[str] = ()) -> int:
    """Show a result and return the exit code.

    Args:
        result: The result.
        quiet: Print the verdicts only, and on standard error what failed.
        as_json: Print JSON only, and on standard error what failed.
        first: Evaluators whose metrics are shown before the others, and with `quiet` too.
    """
    from llmops_sdk.cli.output.run import failures, report_location, show_quietly, show_run
    from llmops_sdk.values.serial import to_json

    if as_json:
        results: dict[str, Any] = to_json(result.results)
        echo_json({**results, "report": report_location(result.run)})
    elif quiet:
        show_quietly(result.run, first)
    else:
        show_run(result.run, first)
    problems = failures(result.results)
    if quiet or as_json:
        for problem in problems:
            echo(problem, err=True)
    if not problems:
        return OK
    no_data = all(cell.step.startswith("prepare.") for cell in result.failures)
    return MISTAKE if no_data and not any(board.cells for board in result.leaderboards) else INCOMPLETE


def usage_error(message: str) -> NoReturn:
    """End with a usage error."""
    raise click.UsageError(message)


def interrupted(interrupt: KeyboardInterrupt | None = None) -> int:
    """Print how to resume the run that was stopped, and return the exit code: 128 and the number of the signal.

    Args:
        interrupt: Names the run if one had started.
    """
    from llmops_sdk.steps.signals import received_signal

    lines = ["stopped"]
    number = received_signal()
    if isinstance(interrupt, RunInterrupted):
        number = interrupt.signal
        lines.append(interrupt.advice)
    with contextlib.suppress(OSError):  # a closed terminal takes no text
        echo("\n".join(lines), err=True)
    return 128 + number
