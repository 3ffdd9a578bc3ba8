"""The answer of a gate on the terminal."""

from __future__ import annotations

from rich.text import Text

from llmops_sdk.cli.output.tables import open_console, print_line
from llmops_sdk.gate.outcome import Decision, Outcome
from llmops_sdk.progress import plain

_STYLES = {Outcome.GO: "green", Outcome.NO_GO: "red", Outcome.INCONCLUSIVE: "yellow"}


def show_decision(decision: Decision) -> None:
    """Print the answer, then a line for each check."""
    console = open_console()
    width = max(len(check.outcome.value) for check in decision.checks)
    console.print(
        Text.assemble(
            (decision.outcome.value, f"bold {_STYLES[decision.outcome]}"),
            plain(f" for candidate {decision.candidate!r} ({decision.chosen}): {decision.text}"),
        )
    )
    for check in decision.checks:
        print_line(
            console,
            f"  {check.outcome.value:<{width}}  {check.subject} on {check.dataset}: {check.text}",
            _STYLES[check.outcome],
        )
    for note in decision.notes:
        print_line(console, f"  {note}", "dim")
