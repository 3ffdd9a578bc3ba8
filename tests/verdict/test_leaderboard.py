"""The leaderboard: cells in order, differences from the best, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from llmops_sdk.values.results import CellResult, FailedCell
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.leaderboard import make_leaderboard
from llmops_sdk.verdict.table import CellColumn, Kind, MetricColumn

METRICS = {
    "f1": Metric("f1", bounds=(0.0, 1.0)),
    "wer": Metric("wer", higher_is_better=False),
    "length": Metric("length", higher_is_better=None),
}


def column(name: str, scores: Mapping[str, Sequence[float]], without: Kind = Kind.MISSING) -> CellColumn:
    """A cell with such scores; NaN for a record without one, for the reason `without`."""
    columns = {}
    for metric, values in scores.items():
        numbers = np.array(values)
        columns[metric] = MetricColumn(numbers, np.where(np.isnan(numbers), without, Kind.SCORED))
    return CellColumn(CellResult(f"{name}.p.d", name, name, "p", False, 12, 12, {}, {}, None, None, {}), columns)


def test_cells_are_ordered_by_the_deciding_metric() -> None:
    """By its better end; a cell without a number comes last."""
    a, b, c = (
        column(name, {"f1": [level] * 12, "wer": [level] * 12}) for name, level in (("a", 0.1), ("b", 0.5), ("c", 0.3))
    )
    none = column("none", {"f1": [np.nan] * 12, "wer": [np.nan] * 12})

    highest = make_leaderboard("d", "f1", [none, a, b, c], (), METRICS)
    lowest = make_leaderboard("d", "wer", [none, a, b, c], (), METRICS)

    assert ["b", "c", "a", "none"] == [cell.candidate for cell in highest.cells]
    assert ["a", "c", "b", "none"] == [cell.candidate for cell in lowest.cells]
    assert "b" == highest.verdict.best


def test_differences_are_paired_with_the_best() -> None:
    """For every metric, over the records that both have; better and worse by the metric's better end."""
    best = column("best", {"f1": [0.5] * 11 + [np.nan], "wer": [0.2] * 12, "length": [5.0] * 12})
    other = column("other", {"f1": [0.4] * 10 + [0.9, 0.1], "wer": [0.3] * 12, "length": [7.0] * 12})

    board = make_leaderboard("d", "f1", [other, best], (), METRICS)

    gaps = {difference.metric: difference for difference in board.differences}
    assert {"f1", "wer", "length"} == set(gaps)
    assert all(("other", "best") == (gap.candidate, gap.versus) for gap in gaps.values())
    assert (11, 1, 10) == (gaps["f1"].estimate.records, gaps["f1"].better, gaps["f1"].worse)
    assert (0, 12) == (gaps["wer"].better, gaps["wer"].worse)  # a higher one is worse
    assert (12, 0) == (gaps["length"].better, gaps["length"].worse)  # more, where neither end is better


def test_cells_without_a_common_record_have_no_difference() -> None:
    """And the verdict states that they cannot be compared."""
    best = column("best", {"f1": [0.5] * 6 + [np.nan] * 6})
    other = column("other", {"f1": [np.nan] * 6 + [0.4] * 6})

    board = make_leaderboard("d", "f1", [best, other], (), METRICS)

    assert () == board.differences
    assert "best has no scored record in common with other" in board.verdict.text
    assert ("other",) == board.verdict.tied


def test_failed_cells_stay_on_the_board() -> None:
    """They have no rank, and the verdict counts them."""
    failed = (FailedCell("x.p.d", "x", "train.x", "out of memory"),)

    board = make_leaderboard("d", "f1", [column("a", {"f1": [0.5] * 12})], failed, METRICS)

    assert failed == board.failed
    assert "1 candidate could not be evaluated" in board.verdict.text


def test_a_failure_counts_as_the_worst_score() -> None:
    """In means and differences; the cell has their number. A missing score counts as nothing."""
    values = [0.5] * 10 + [np.nan] * 2

    failing, missing = (
        make_leaderboard("d", "f1", [column("a", {"f1": values}, kind), column("b", {"f1": [0.4] * 12})], (), METRICS)
        for kind in (Kind.FAILED, Kind.MISSING)
    )

    cell = next(cell for cell in failing.cells if cell.candidate == "a")
    assert ({"f1": 2}, 12) == (cell.failures, cell.estimates["f1"].records)
    assert cell.estimates["f1"].mean == pytest.approx(5 / 12)
    cell = next(cell for cell in missing.cells if cell.candidate == "a")
    assert ({}, 10, 0.5) == (cell.failures, cell.estimates["f1"].records, cell.estimates["f1"].mean)


def test_a_failure_is_the_highest_score_where_a_lower_one_is_better() -> None:
    """The worse end of the bounds."""
    metrics = {"toxicity": Metric("toxicity", higher_is_better=False, bounds=(0.0, 1.0))}
    a = column("a", {"toxicity": [0.0] * 11 + [np.nan]}, Kind.FAILED)

    board = make_leaderboard("d", "toxicity", [a], (), metrics)

    assert board.cells[0].estimates["toxicity"].mean == pytest.approx(1 / 12)


def test_a_metric_without_a_worst_score_decides_nothing_where_there_are_failures() -> None:
    """However far apart the others are."""
    a = column("a", {"wer": [0.1] * 11 + [np.nan]}, Kind.FAILED)

    board = make_leaderboard("d", "wer", [a, column("b", {"wer": [0.9] * 12})], (), METRICS)

    assert not board.verdict.settled
    assert ("b",) == board.verdict.tied
    assert (
        "Nothing is decided: 1 record without a usable answer would have to count as the worst wer"
        in board.verdict.text
    )


def test_an_undefined_score_is_left_out_for_all() -> None:
    """All means are of the same records, and the board has their number."""
    a = column("a", {"f1": [0.5] * 11 + [np.nan]}, Kind.UNDEFINED)
    b = column("b", {"f1": [0.4] * 11 + [0.0]})

    board = make_leaderboard("d", "f1", [a, b], (), METRICS)

    assert {"f1": 1} == board.left_out
    assert [11, 11] == [cell.estimates["f1"].records for cell in board.cells]
    assert board.cells[1].estimates["f1"].mean == pytest.approx(0.4)


def test_all_pairs_are_tested() -> None:
    """In the metric that decides, in its own direction; words and intervals agree."""
    rng = np.random.default_rng(0)
    columns = [
        column(name, {"wer": list(np.clip(mean + rng.normal(0, 0.05, 40), 0, 1))})
        for name, mean in (("a", 0.2), ("b", 0.5), ("c", 0.21))
    ]

    board = make_leaderboard("d", "wer", columns, (), METRICS)

    assert {("a", "c"), ("a", "b"), ("c", "b")} == {
        tuple(sorted((pair.difference.candidate, pair.difference.versus), key="acb".index)) for pair in board.pairs
    }
    assert ("b",) == board.verdict.worse
    gap = next(each for each in board.differences if each.candidate == "b")
    assert gap.estimate.mean > 0
    assert gap.estimate.low is not None
    assert gap.estimate.low > 0
    assert gap.worse > gap.better


def test_records_of_one_cluster_are_one() -> None:
    """Twelve records of two documents allow no claim."""
    a, b = column("a", {"f1": [0.9] * 12}), column("b", {"f1": [0.1] * 12})

    alone = make_leaderboard("d", "f1", [a, b], (), METRICS)
    grouped = make_leaderboard("d", "f1", [a, b], (), METRICS, np.repeat(["x", "y"], 6))

    assert alone.verdict.settled
    assert not grouped.verdict.settled
    assert "They differ on 2 groups of records only" in grouped.verdict.text
