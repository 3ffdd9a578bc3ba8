"""The command line, `llmops`: thin commands over the package; rich and the plugins load in the command that needs them.

Exit codes: 0 done, 1 our fault (traceback), 2 the user's mistake (one message), 3 finished but a cell failed
(of `gc`: something is left), 130 Ctrl-C.
"""

from __future__ import annotations

import os
import sys

import click

from llmops_sdk.cli import machine, records
from llmops_sdk.cli import run as running
from llmops_sdk.cli.common import FAULT, MISTAKE, OK, interrupted
from llmops_sdk.errors import LLMOpsError, UserError


def main(arguments: list[str] | None = None) -> int:  # noqa: PLR0911 - one for each exit code
    """Run the command line and return the exit code."""
    try:
        code = cli.main(arguments, prog_name="llmops", standalone_mode=False)
    except click.exceptions.Abort:
        return interrupted("")
    except click.ClickException as exc:
        exc.show()
        return MISTAKE
    except UserError as exc:
        click.echo(f"error: {exc}", err=True)
        return MISTAKE
    except KeyboardInterrupt:
        return interrupted("")
    except BrokenPipeError:  # the reader of a pipe (head, less) has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except LLMOpsError as exc:
        click.echo(f"error: {exc}", err=True)
        return FAULT
    return code if isinstance(code, int) else OK


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="llmops-sdk")
def cli() -> None:
    """Which LLM should I use? Fine-tune, deploy and evaluate candidates, and decide on evidence.

    Begin with `llmops run quickstart`: it needs no account and no GPU.
    """


for command in (
    *(running.run, running.attach, running.compile_, running.score, running.plan),
    *(records.runs, records.show, records.logs, records.report, records.gc),
    *(machine.plugins, machine.examples, machine.assets, machine.doctor),
):
    cli.add_command(command)


if __name__ == "__main__":
    sys.exit(main())
