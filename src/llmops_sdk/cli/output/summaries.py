"""What evaluators say of all records together, and what people's grades show of a judge, as `show` and `run` print it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from llmops_sdk.cli.output.tables import new_table
from llmops_sdk.report.numbers import interval, number
from llmops_sdk.values.grades import Grading
from llmops_sdk.values.results import CellResult, Leaderboard
from llmops_sdk.values.summaries import SummaryTable

if TYPE_CHECKING:
    from rich.console import Console

_MOST_COLUMNS = 8


def show_summaries(console: Console, cells: Sequence[CellResult]) -> None:
    """Print the numbers of all candidates in one table, and the counts of each: those that are narrow enough to read.

    Args:
        console: Where to.
        cells: The candidates of one dataset.
    """
    for name in dict.fromkeys(name for cell in cells for name in cell.summaries):
        having = [cell for cell in cells if name in cell.summaries]
        labels = dict.fromkeys(value.label for cell in having for value in cell.summaries[name].values)
        table = new_table("candidate", *labels)
        for cell in having:
            numbers = {value.label: f"{value.value:.3f}" for value in cell.summaries[name].values}
            table.add_row(cell.candidate, *(numbers.get(label, "-") for label in labels))
        for column in table.columns[1:]:
            column.justify = "right"
        if labels:
            console.print()
            console.print(table)
        for cell in having:
            for counts in cell.summaries[name].tables:
                if counts.is_sum and len(counts.columns) <= _MOST_COLUMNS:
                    _show_counts(console, cell.candidate, counts)


def show_grading(console: Console, grading: Grading, board: Leaderboard) -> None:
    """Print the corrected means, and the agreement where another metric decides: the verdict then lacks it.

    Args:
        console: Where to.
        grading: What people's grades show on one dataset.
        board: The leaderboard of that dataset.
    """
    if grading.means:
        table = new_table(
            "candidate", f"{grading.metric}, corrected by {grading.answers} graded answers", "judge alone"
        )
        for column in table.columns[1:]:
            column.justify = "right"
        for name in [cell.candidate for cell in board.cells if cell.candidate in grading.means]:
            mean = grading.means[name]
            table.add_row(name, f"{number(mean.mean)} {interval(mean)}", number(grading.judge_means[name]))
        console.print()
        console.print(table)
    if grading.metric != board.metric:
        console.print(Text(f"\n{grading.text}"))


def _show_counts(console: Console, candidate: str, counts: SummaryTable) -> None:
    console.print(Text(f"\n{candidate}: {counts.title}", style="dim"))
    table = new_table(counts.corner, *counts.columns)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, values in zip(counts.rows, counts.values, strict=True):
        table.add_row(name, *(f"{value:.0f}" if value.is_integer() else number(value) for value in values))
    console.print(table)
