"""Why steps ran or were reused, as `llmops explain` prints it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from llmops_sdk.cli.output.tables import open_console, print_entry, print_line
from llmops_sdk.explain.explanation import Explanation, State

_WIDTH = 7
_STYLES: Mapping[State, str] = {"ran": "green", "reused": "green", "taken": "green", "failed": "red", "stopped": "red"}


def show_explanation(explanation: Explanation) -> None:
    """Print why a step ran or was reused, with all that changed."""
    console = open_console()
    state = explanation.state
    print_entry(console, state, f"{explanation.step}: {explanation.reason}", width=_WIDTH, style=_STYLES.get(state, ""))
    for name, change in explanation.changes.items():
        print_entry(console, "", f"{name}: {change}", width=_WIDTH)
    for detail in explanation.details:
        print_line(console, f"{detail[:1].upper()}{detail[1:]}.", "dim")


def show_explanations(run_id: str, explanations: Iterable[Explanation]) -> None:
    """Print a line for each step."""
    console = open_console()
    for explanation in explanations:
        changes = "; ".join(f"{name}: {change}" for name, change in explanation.changes.items())
        text = f"{explanation.step}: {explanation.reason}" + (f" ({changes})" if changes else "")
        print_entry(console, explanation.state, text, width=_WIDTH, style=_STYLES.get(explanation.state, ""))
    print_line(console, f"more about a step: llmops explain {run_id} STEP", "dim")
