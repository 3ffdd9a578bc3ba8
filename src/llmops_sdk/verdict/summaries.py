"""The summaries of a recipe's checkpoints as one: counts are added up, and of all other numbers the mean is taken."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from llmops_sdk.values.summaries import Summary, SummaryTable, SummaryValue


def join_summaries(summaries: Sequence[Mapping[str, Summary]]) -> dict[str, Summary]:
    """Return the summaries of those evaluators that have one for every checkpoint.

    Args:
        summaries: Of each checkpoint: evaluator name to its summary. One or more.
    """
    names = [name for name in summaries[0] if all(name in each for each in summaries)]
    return {name: _join([each[name] for each in summaries]) for name in names}


def _join(summaries: Sequence[Summary]) -> Summary:
    numbers = [{value.name: value.value for value in summary.values} for summary in summaries]
    values = [
        SummaryValue(value.name, value.label, _mean(each[value.name] for each in numbers))
        for value in summaries[0].values
        if all(value.name in each for each in numbers)
    ]
    by_title = [{table.title: table for table in summary.tables} for summary in summaries]
    tables = [
        _join_tables([each[title] for each in by_title])
        for title in by_title[0]
        if all(title in each for each in by_title)
    ]
    return Summary(tuple(values), tuple(tables))


def _join_tables(tables: Sequence[SummaryTable]) -> SummaryTable:
    """Return tables as one, with the rows and columns of all; a number that a table lacks is no count, and none of its means."""
    first = tables[0]
    rows = tuple(dict.fromkeys(name for table in tables for name in table.rows))
    columns = tuple(dict.fromkeys(name for table in tables for name in table.columns))
    numbers = [
        {
            (row, column): value
            for row, values in zip(table.rows, table.values, strict=True)
            for column, value in zip(table.columns, values, strict=True)
        }
        for table in tables
    ]
    total = math.fsum if first.is_sum else _mean
    values = tuple(
        tuple(total(each[row, column] for each in numbers if (row, column) in each) for column in columns)
        for row in rows
    )
    return SummaryTable(first.title, first.corner, rows, columns, values, first.is_sum)


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return math.fsum(listed) / len(listed) if listed else 0.0
