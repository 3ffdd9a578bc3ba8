"""What runs left behind, as `llmops gc` prints it, and what takes space, as `llmops clean` does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from llmops_sdk.cleanup.cache import CachedItem
from llmops_sdk.cleanup.cleanup import Cleanup
from llmops_sdk.cli.output.tables import count, new_table, open_console, print_entry, print_line
from llmops_sdk.gc.leftover import Leftover, Leftovers, Status
from llmops_sdk.values.quantities import format_age, format_size

_WIDTH = 7
_MOST_RUNS = 30

_WORDS: dict[Status, str] = {
    "delete": "to delete",
    "skip": "skipped",
    "deleted": "deleted",
    "failed": "failed",
    "listed": "listed",
}
_STYLES: dict[Status, str] = {"delete": "yellow", "skip": "", "deleted": "green", "failed": "red", "listed": ""}


def show_leftovers(leftovers: Leftovers, *, nothing: str = "runs left nothing behind") -> None:
    """Print each resource, what happened to it and why; then the places that could not be searched.

    Args:
        leftovers: What was found.
        nothing: Printed if that is nothing.
    """
    console = open_console()
    for item in leftovers.items:
        state = ", ".join(filter(None, (item.state, f"{format_age(item.age)} old")))
        where = f"run {item.run_id}" + (f", step {item.step}" if item.step else "")
        billed = f"billed by the hour: {item.billed}{_price(item)}" if item.billed else ""
        lines = (
            f"{item.resource.kind} {item.resource.name}  {state}",
            "; ".join(filter(None, (where, billed))),
            item.error or item.reason,
        )
        print_entry(console, _WORDS[item.status], "\n".join(lines), width=9, style=_STYLES[item.status])
    counts = Counter(_WORDS[item.status] for item in leftovers.items)
    summary = ", ".join(f"{number} {word}" for word, number in counts.items())
    console.print(summary + _total(leftovers) if summary else nothing)
    for place in leftovers.unreachable:
        print_line(console, f"not searched: {place.place}: {place.error}", "red" if place.needed else "dim")


def _price(item: Leftover) -> str:
    """Return the price of a listed resource, in words."""
    if item.status != "listed":
        return ""
    return ", price unknown" if item.price is None else f", {item.price:.4g} USD"


def _total(leftovers: Leftovers) -> str:
    """Return what all listed resources cost an hour, in words, and how many of the prices are unknown."""
    billed = [item for item in leftovers.items if item.status == "listed" and item.billed]
    known = [item.price for item in billed if item.price is not None]
    unknown = len(billed) - len(known)
    texts = [f"{sum(known):.4g} USD an hour"] if known else []
    texts += [f"{count(unknown, 'price')} unknown"] if unknown else []
    return f"; {' and '.join(texts)}" if texts else ""


def show_cleanup(cleanup: Cleanup) -> None:
    """Print the runs that are freed and those that are not, with the reasons; then what else is freed, and the bytes."""
    console = open_console()
    word = "freed" if cleanup.is_done else "to free"
    for run, reason in list(cleanup.runs.items())[:_MOST_RUNS]:
        print_entry(console, word, f"run {run}: {reason}", width=_WIDTH, style="green" if cleanup.is_done else "yellow")
    if len(cleanup.runs) > _MOST_RUNS:
        console.print(f"… and {len(cleanup.runs) - _MOST_RUNS} more runs")
    for run, reason in list(cleanup.kept.items())[:_MOST_RUNS]:
        print_entry(console, "kept", f"run {run}: {reason}", width=_WIDTH)
    if len(cleanup.kept) > _MOST_RUNS:
        console.print(f"… and {len(cleanup.kept) - _MOST_RUNS} more kept runs")
    for note in cleanup.notes:
        print_entry(console, "note", note, width=_WIDTH, style="yellow")
    if cleanup.is_empty:
        console.print(f"nothing to free; the store has {format_size(cleanup.remaining)}")
        return
    parts = [count(len(cleanup.runs), "run")] if cleanup.runs else []
    parts += [_artifacts(cleanup)] if cleanup.artifacts else []
    parts += [count(cleanup.plans, "plan")] if cleanup.plans else []
    parts += [f"what is left of {count(cleanup.leftovers, 'run')}"] if cleanup.leftovers else []
    parts += [f"{count(cleanup.restored, 'artifact')} put back"] if cleanup.restored else []
    size = format_size(cleanup.size)
    total = f"freed {size}" if cleanup.is_done else f"{size} to free"
    print_line(console, f"{total}: {', '.join(parts)}; {format_size(cleanup.remaining)} remain in the store")


def show_cache(home: Path, items: Sequence[CachedItem], size: int) -> None:
    """Print what can be freed in the cache."""
    console = open_console()
    if not items:
        print_line(console, f"nothing to free in {home}")
        return
    table = new_table("in the cache", "size", "")
    table.columns[1].justify = "right"
    for item in items:
        table.add_row(item.name, format_size(item.size), item.origin)
    console.print(table)
    print_line(console, f"{format_size(size)} to free in {home}")


def _artifacts(cleanup: Cleanup) -> str:
    """Return how many artifacts of which kinds are freed, the largest ones first."""
    sizes = cleanup.artifact_sizes
    kinds = sorted(cleanup.artifacts, key=lambda kind: -sizes[kind])
    listed = ", ".join(f"{kind} {cleanup.artifacts[kind]:,} ({format_size(sizes[kind])})" for kind in kinds)
    return f"{count(sum(cleanup.artifacts.values()), 'artifact')}: {listed}"
