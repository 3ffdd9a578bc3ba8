"""What candidates and a run cost, as `run` and `show` print it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from llmops_sdk.cli.output.costs.expected import MOST_ROWS, short_hours
from llmops_sdk.cli.output.tables import new_table
from llmops_sdk.errors import RecordError
from llmops_sdk.progress import plain
from llmops_sdk.record.costs.budget import read_expected
from llmops_sdk.record.costs.spending import read_spending, spending_line
from llmops_sdk.record.run import Run
from llmops_sdk.values.prices import Traffic, dollar_range, dollars
from llmops_sdk.values.results import CellResult
from llmops_sdk.values.spending import NOTHING, ExpectedStep, Spending
from llmops_sdk.verdict.costs import cost_notes, duration

if TYPE_CHECKING:
    from rich.console import Console


def show_costs(console: Console, cells: Sequence[CellResult], traffic: Traffic | None) -> None:
    """Print what the candidates of a dataset cost, and will cost; nothing where no cost of one is known.

    Args:
        console: Where to.
        cells: The candidates.
        traffic: What they will be asked, or None.
    """
    if traffic is None and all(
        cell.cost is None or (cell.cost.priced == 0 and cell.cost.training_usd is None) for cell in cells
    ):
        return
    month = [f"a month at {traffic.text}"] if traffic else []
    table = new_table("candidate", "training", "answers", "1,000 answers", *month)
    for column in table.columns[1:]:
        column.justify = "right"
    table.columns[0].no_wrap = False
    for cell in cells:
        cost = cell.cost
        if cost is None:
            table.add_row(cell.candidate, *["unknown"] * (3 + len(month)))
            continue
        training = "-" if not cell.fine_tuned else dollars(cost.training_usd)
        if cell.fine_tuned and cost.training_seconds:
            training = f"{duration(cost.training_seconds)}, {training}"
        machines = f", {cost.machines} machines" if (cost.machines or 1) > 1 else ""
        table.add_row(
            cell.candidate,
            training,
            dollars(cost.answers_usd) + (f" for {cost.priced}" if 0 < cost.priced < cell.answered else ""),
            dollars(cost.per_1000),
            *([dollars(cost.month) + machines] if month else []),
        )
    console.print()
    console.print(table)
    for note in cost_notes(cells, traffic):
        console.print(Text(plain(note)))


def show_spending(console: Console, run: Run) -> None:
    """Print what a run was expected to cost and what it spent, in all and by step; nothing where no price is known."""
    line = spending_line(run)
    if not line:
        return
    console.print(Text(f"\ncost of this run: {line}"))
    try:
        expected = read_expected(run)
        steps = [step for step in (expected.steps if expected else ()) if read_spending(run, step.step)]
    except RecordError:
        return  # the line above names the damaged file
    if not any(step.usd != NOTHING for step in steps):
        return
    table = new_table("step", "expected", "spent", "tokens in", "tokens out", "hours")
    for column in table.columns[1:]:
        column.justify = "right"
    for step in steps[:MOST_ROWS]:
        table.add_row(*_spent_row(run, step))
    console.print(table)


def _spent_row(run: Run, step: ExpectedStep) -> Iterator[str]:
    spending = read_spending(run, step.step) or Spending()
    yield step.step
    yield dollar_range(step.usd.low, step.usd.high)
    yield dollars(spending.usd) if spending.is_complete else dollar_range(spending.usd, None)
    yield f"{spending.prompt_tokens:,}" if spending.prompt_tokens else "-"
    yield f"{spending.output_tokens:,}" if spending.output_tokens else "-"
    yield short_hours(spending.hours) if spending.seconds else "-"
