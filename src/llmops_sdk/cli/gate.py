"""The command that answers whether a candidate may be shipped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from llmops_sdk.cli.exits import INCONCLUSIVE, NO_GO, OK, usage_error
from llmops_sdk.cli.help import Command
from llmops_sdk.cli.options import json_option, open_run, run_argument, store_option
from llmops_sdk.cli.output.text import echo, echo_json

if TYPE_CHECKING:
    from llmops_sdk.gate.decide import Written

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(cls=Command)
@run_argument
@click.option(
    "--file",
    "-f",
    "file",
    type=_FILE,
    help="The conditions: a gate file, or a specification with `gate:`.  [default: those in the run's specification]",
)
@click.option("--candidate", default="", metavar="NAME", help="The candidate to judge.")
@click.option("--baseline", type=_FILE, help="The baseline file, in place of the one that the conditions name.")
@click.option("--update", is_flag=True, help="Write the baseline file from this run; check nothing.")
@click.option("--junit", type=_FILE, help="Also write the answer as JUnit XML.")
@click.option("--markdown", type=_FILE, help="Also write the answer as Markdown, for a comment on a pull request.")
@store_option
@json_option
def gate(  # noqa: PLR0913 - one parameter for each option of the command
    run_id: str,
    file: Path | None,
    candidate: str,
    baseline: Path | None,
    junit: Path | None,
    markdown: Path | None,
    store: str,
    *,
    update: bool,
    as_json: bool,
) -> int:
    """Answer whether a candidate of a finished run may be shipped.

    GO (exit code 0): every condition is shown to hold. NO-GO (4): one is shown to be broken. INCONCLUSIVE (5): these
    records cannot show it; the answer has the number of records that could. A run that cannot be compared with the baseline
    is refused (2), and the message names what differs.
    """
    from llmops_sdk.gate.decide import decide, update_baselines
    from llmops_sdk.gate.files import write_text
    from llmops_sdk.gate.outcome import Outcome
    from llmops_sdk.gate.specification import gate_of_run, read_gate
    from llmops_sdk.values.serial import to_json

    if update and (junit or markdown):
        usage_error("--update checks nothing: leave out --junit and --markdown")
    run = open_run(run_id, store)
    conditions = read_gate(file) if file else gate_of_run(run)
    if update:
        written = update_baselines(run, conditions, candidate=candidate, baseline=baseline)
        _show_written(written, as_json=as_json)
        return OK
    decision = decide(run, conditions, candidate=candidate, baseline=baseline)
    if junit:
        from llmops_sdk.gate.junit import junit_xml

        write_text(junit, junit_xml(decision))
    if markdown:
        from llmops_sdk.gate.markdown import markdown as comment

        write_text(markdown, comment(decision))
    if as_json:
        echo_json(to_json(decision), indent=2)
    else:
        from llmops_sdk.cli.output.gate import show_decision

        show_decision(decision)
    return {Outcome.GO: OK, Outcome.NO_GO: NO_GO, Outcome.INCONCLUSIVE: INCONCLUSIVE}[decision.outcome]


def _show_written(written: Mapping[Path, Written], *, as_json: bool) -> None:
    if as_json:
        from llmops_sdk.values.serial import to_json

        echo_json([{"file": str(path), **to_json(each)} for path, each in written.items()], indent=2)
        return
    for path, each in written.items():
        missing = f", {each.missing:,} scores missing" if each.missing else ""
        echo(
            f"wrote {path}: {', '.join(each.metrics)} of candidate {each.candidate!r} ({each.chosen}) on {each.records:,} records"
            f"{missing}; commit it"
        )
