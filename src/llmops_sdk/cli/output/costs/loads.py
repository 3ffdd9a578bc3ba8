"""How fast endpoints were under load, as `run` and `show` print it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from llmops_sdk.cli.output.tables import new_table, print_line
from llmops_sdk.progress import plain
from llmops_sdk.values.load import LoadLevel, ModelLoad

if TYPE_CHECKING:
    from rich.console import Console


def show_loads(console: Console, loads: Sequence[ModelLoad]) -> None:
    """Print a table of what each endpoint did with each number of requests in flight; nothing where none was measured."""
    if not loads:
        return
    streams = any(level.time_to_first_token_p50 is not None for load in loads for level in load.levels)
    first = ["first token"] if streams else []
    console.print(Text("\nload\n", style="bold"))
    table = new_table("model", "at a time", "requests/s", "tokens/s", "p50", "p95", "p99", *first, "failed")
    for column in table.columns[1:]:
        column.justify = "right"
    table.columns[0].no_wrap = False
    for load in loads:
        for place, level in enumerate(load.levels):
            table.add_row("" if place else load.model, *_row(level, streams=streams))
    console.print(table)
    for load in loads:
        for basis in load.basis:
            console.print(Text(plain(f"{load.model}: {basis}"), style="dim"))
        for error in load.errors:
            print_line(console, f"{load.model}: {error}", "yellow")


def _row(level: LoadLevel, *, streams: bool) -> list[str]:
    tokens = level.output_tokens_per_second
    latencies = [level.latency_p50, level.latency_p95, level.latency_p99]
    latencies += [level.time_to_first_token_p50] if streams else []
    return [
        str(level.concurrency),
        f"{level.requests_per_second:.3g}",
        "-" if tokens is None else f"{tokens:.0f}",
        *("-" if seconds is None else f"{seconds:.2f} s" for seconds in latencies),
        f"{level.failed:,}/{level.requests:,}",
    ]
