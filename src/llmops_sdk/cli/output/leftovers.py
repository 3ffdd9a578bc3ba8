"""What runs left behind, as `llmops gc` prints it."""

from __future__ import annotations

from collections import Counter

from llmops_sdk.cli.output.tables import open_console, print_entry, print_line
from llmops_sdk.gc.leftover import Leftovers, Status
from llmops_sdk.values.quantities import format_age

_WORDS: dict[Status, str] = {"delete": "to delete", "skip": "skipped", "deleted": "deleted", "failed": "failed"}
_STYLES: dict[Status, str] = {"delete": "yellow", "skip": "", "deleted": "green", "failed": "red"}


def show_leftovers(leftovers: Leftovers) -> None:
    """Print each resource, what happened to it and why; then the places that could not be searched."""
    console = open_console()
    for item in leftovers.items:
        state = ", ".join(filter(None, (item.state, f"{format_age(item.age)} old")))
        where = f"run {item.run_id}" + (f", step {item.step}" if item.step else "")
        billed = f"billed by the hour: {item.billed}" if item.billed else ""
        lines = (
            f"{item.resource.kind} {item.resource.name}  {state}",
            "; ".join(filter(None, (where, billed))),
            item.error or item.reason,
        )
        print_entry(console, _WORDS[item.status], "\n".join(lines), width=9, style=_STYLES[item.status])
    counts = Counter(_WORDS[item.status] for item in leftovers.items)
    summary = ", ".join(f"{number} {word}" for word, number in counts.items())
    console.print(summary or "runs left nothing behind")
    for place in leftovers.unreachable:
        print_line(console, f"not searched: {place.place}: {place.error}", "red" if place.needed else "dim")
