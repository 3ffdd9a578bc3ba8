"""The command line, `llmops`: thin commands over the package; rich and the plugins load in the command that needs them.

Exit codes: 0 done, 1 a fault of the SDK (traceback), 2 something for the user to fix (one message, or the findings of
`plan` and `doctor`), 3 finished but a candidate failed or has no score that decides (of `gc`: a resource is left; of
`verify`: something is damaged), of `gate` 4 NO-GO and 5 INCONCLUSIVE, 130 Ctrl-C, 143 SIGTERM, 129 SIGHUP.
"""

from __future__ import annotations

import io
import os
import sys

import click

from llmops_sdk.cli import gate, gc, init, machine, plan, records, run, serve
from llmops_sdk.cli.examples.commands import examples
from llmops_sdk.cli.exits import FAULT, MISTAKE, OK, interrupted
from llmops_sdk.cli.grading.command import grade
from llmops_sdk.cli.help import CONTEXT_SETTINGS, Program
from llmops_sdk.cli.new.command import new
from llmops_sdk.cli.output.text import echo
from llmops_sdk.errors import LLMOpsError, UserError, describe_os_error


def main(arguments: list[str] | None = None) -> int:  # noqa: PLR0911 - one for each exit code
    """Run the command line and return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = cli.main(arguments, prog_name="llmops", standalone_mode=False)
    except click.exceptions.Abort:
        return interrupted()
    except click.ClickException as exc:
        text = io.StringIO()
        exc.show(file=text)
        echo(text.getvalue(), err=True, nl=False)
        return MISTAKE
    except UserError as exc:
        echo(f"error: {exc}", err=True)
        return MISTAKE
    except KeyboardInterrupt:
        return interrupted()
    except BrokenPipeError:  # the reader of a pipe (head, less) has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except (
        OSError
    ) as exc:  # a full disk, a folder without permission: the user can fix it, and a traceback helps nobody
        echo(f"error: {describe_os_error(exc)}", err=True)
        return MISTAKE
    except LLMOpsError as exc:
        echo(f"error: {exc}", err=True)
        return FAULT
    return code if isinstance(code, int) else OK


@click.group(cls=Program, context_settings=CONTEXT_SETTINGS)
@click.version_option(package_name="llmops-sdk")
def cli() -> None:
    """Which LLM should I use? Fine-tune, deploy and evaluate candidates, and decide on evidence.

    Start with `llmops run quickstart`: it needs no account and no GPU.
    """


cli.add_section("Run a pipeline", init.init, run.run, plan.plan, records.show, records.report)
cli.add_section(
    "Compare, decide, score again, serve, run remotely",
    run.compare,
    gate.gate,
    grade,
    run.score,
    serve.serve,
    run.attach,
    plan.compile_,
)
cli.add_section("Manage runs", records.runs, records.logs, records.explain, records.verify, gc.gc, gc.clean)
cli.add_section("Set up", machine.plugins, new, machine.assets, machine.doctor, examples)


if __name__ == "__main__":
    sys.exit(main())
