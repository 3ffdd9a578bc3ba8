"""The verdict over all datasets: each candidate's means on them, weighted as the specification states.

The records of all datasets are joined, each counting as its dataset's weight says, and compared as those of one dataset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.values.names import weights_text
from llmops_sdk.values.results import CellResult, Leaderboard, Overall, WeightedMean
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.baseline import Baseline, against_baseline
from llmops_sdk.verdict.conclusion import Evidence, conclude
from llmops_sdk.verdict.joined import join_cells
from llmops_sdk.verdict.leaderboard import LEVEL, differences_to_best, estimate_mean, pair_tests
from llmops_sdk.verdict.statistics.comparison import compare
from llmops_sdk.verdict.statistics.pairs import Parts, Scores
from llmops_sdk.verdict.table import CellColumn, MetricTable, make_table

if TYPE_CHECKING:
    from numpy.typing import NDArray


@attrs.frozen(eq=False)
class DatasetScores:
    """The candidates on one dataset.

    Attributes:
        board: Its leaderboard.
        columns: The candidates with a result.
        clusters: Labels of the records that depend on each other, shape (records,); None if none do.
        caveat: What must be known of the groups of its records, or empty.
    """

    board: Leaderboard
    columns: Sequence[CellColumn]
    clusters: NDArray[Any] | None = None
    caveat: str = ""


def make_overall(
    datasets: Sequence[DatasetScores], weights: Mapping[str, float], metric: Metric, baseline: Baseline | None = None
) -> Overall:
    """Compare the candidates that have a score on every dataset, and conclude.

    Args:
        datasets: The candidates on each dataset.
        weights: The name of each dataset to its weight, above 0.
        metric: The metric that decides.
        baseline: What the candidates must not be worse than, or None.
    """
    candidates = _in_all(datasets, metric.name)
    cells = tuple(_join([_cell(each, candidate) for each in datasets]) for candidate in candidates)
    table = _join_tables(datasets, candidates, weights, metric)
    order = sorted(range(len(table.candidates)), key=lambda row: -table.sign * table.mean(row))
    table = attrs.evolve(
        table,
        values=table.values[order],
        checkpoints=tuple(table.checkpoints[row] for row in order),
        failures=table.failures[order],
        missing=table.missing[order],
    )
    clusters = _join_clusters(datasets) if candidates else None
    means = [estimate_mean(table, row, table.interval(row, clusters, 1 - LEVEL)) for row in range(len(order))]
    cells = tuple(
        attrs.evolve(cells[place], estimates={metric.name: mean}) for place, mean in zip(order, means, strict=True)
    )
    comparison = compare(table.scores(clusters), bounds=table.bounds)
    margins = against_baseline(table, clusters, cells, baseline) if baseline and cells else ()
    verdict = conclude(Evidence("", table, cells, (), comparison, clusters, margins))
    verdict = attrs.evolve(verdict, notes=(_weights_sentence(weights), *verdict.notes))
    for each in (each for each in datasets if each.caveat):
        verdict = verdict.with_caveat(f"On {each.board.dataset}: {each.caveat[0].lower()}{each.caveat[1:]}")
    without = _without(datasets, candidates)
    if without:
        has = "has no result" if len(without) == 1 else "have no result"
        verdict = verdict.with_caveat(f"{', '.join(without)} {has} on every dataset, and no part in this verdict.")
    return Overall(
        metric=metric.name,
        weights=dict(weights),
        means=tuple(WeightedMean(cell.candidate, mean) for cell, mean in zip(cells, means, strict=True)),
        without=without,
        differences=tuple(differences_to_best(table, comparison, cells)),
        verdict=verdict,
        pairs=pair_tests(comparison, table, cells),
    )


def _weights_sentence(weights: Mapping[str, float]) -> str:
    return f"The means over all datasets are weighted: {weights_text(weights)}."


def _in_all(datasets: Sequence[DatasetScores], metric: str) -> list[str]:
    """Return the candidates that have a mean on every dataset, in the order of the first one."""
    scored = [{cell.candidate for cell in each.board.cells if metric in cell.estimates} for each in datasets]
    return [cell.candidate for cell in datasets[0].board.cells if all(cell.candidate in names for names in scored)]


def _without(datasets: Sequence[DatasetScores], candidates: Sequence[str]) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for each in datasets:
        names |= dict.fromkeys(cell.candidate for cell in each.board.cells)
        names |= dict.fromkeys(cell.candidate for cell in each.board.failed)
    return tuple(name for name in names if name not in candidates)


def _cell(dataset: DatasetScores, candidate: str) -> CellResult:
    return next(cell for cell in dataset.board.cells if cell.candidate == candidate)


def _join_tables(
    datasets: Sequence[DatasetScores], candidates: Sequence[str], weights: Mapping[str, float], metric: Metric
) -> MetricTable:
    """Return the scores of the candidates, with the records of the datasets one after the other."""
    import numpy as np

    tables = []
    for each in datasets:
        columns = {column.result.candidate: column for column in each.columns}
        tables.append(make_table([columns[candidate] for candidate in candidates], metric))
    records = [table.values.shape[1] for table in tables]
    stated = np.array([float(weights[each.board.dataset]) for each in datasets])
    values = np.concatenate([table.values for table in tables], axis=1)
    return MetricTable(
        metric,
        tuple(range(len(candidates))),
        values,
        tuple(row[None, :] for row in values),
        np.sum([table.failures for table in tables], axis=0),
        np.sum([table.missing for table in tables], axis=0),
        sum(table.left_out for table in tables),
        Parts(np.repeat(np.arange(len(records)), records), stated / stated.sum()),
    )


def _join_clusters(datasets: Sequence[DatasetScores]) -> NDArray[Any] | None:
    """Return labels of the records that depend on each other, each dataset with its own; None if none do."""
    import numpy as np

    if all(each.clusters is None for each in datasets):
        return None
    labels: list[NDArray[Any]] = []
    used = 0
    for each in datasets:
        records = next(iter(each.columns[0].scores.values())).numbers.shape[-1]
        own = Scores.of(np.zeros((1, records)), each.clusters).clusters + used
        used = int(own.max()) + 1
        labels.append(own)
    return np.concatenate(labels)


def _join(cells: Sequence[CellResult]) -> CellResult:
    """Return a candidate's results on all datasets as one."""
    return attrs.evolve(join_cells(cells), cell=cells[0].candidate, records=sum(cell.records for cell in cells))
