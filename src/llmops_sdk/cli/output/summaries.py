"""What stands below the means of candidates, as `show` and `run` print it: summaries, people's grades, forms of one model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from llmops_sdk.cli.output.tables import new_table
from llmops_sdk.report.numbers import interval, number
from llmops_sdk.values.grades import Grading
from llmops_sdk.values.results import CellResult, Leaderboard
from llmops_sdk.values.summaries import SummaryTable
from llmops_sdk.verdict.forms.words import suspect_words

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


def show_forms(console: Console, board: Leaderboard) -> None:
    """Print how each form of a model compares with the reference, and what the endpoints report.

    Args:
        console: Where to.
        board: The leaderboard of a dataset.
    """
    for family in (each for each in board.forms if each.forms):
        table = new_table(f"against {family.reference}", "difference", "", "identical answers", "first difference")
        for form in family.forms:
            first, mean = form.agreement.first, form.estimate
            table.add_row(
                form.candidate,
                f"{number(mean.mean, sign=True)} {interval(mean, sign=True)}" if mean else "-",
                form.outcome,
                f"{form.agreement.identical} of {form.agreement.answers}",
                f"record {first.record}, word {first.word}" if first else "-",
            )
        console.print()
        console.print(table)
        for form in family.forms:
            if form.agreement.first:
                console.print(Text(f"{form.candidate}: {suspect_words(form.suspects)}", style="dim"))


def _show_counts(console: Console, candidate: str, counts: SummaryTable) -> None:
    console.print(Text(f"\n{candidate}: {counts.title}", style="dim"))
    table = new_table(counts.corner, *counts.columns)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, values in zip(counts.rows, counts.values, strict=True):
        table.add_row(name, *(f"{value:.0f}" if value.is_integer() else number(value) for value in values))
    console.print(table)
