"""The leaderboard: cells in order, differences from the best, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from llmops_sdk.values.results import CellResult, FailedCell
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.bootstrap import Bootstrap
from llmops_sdk.verdict.leaderboard import CellColumn, make_leaderboard

METRICS = {
    "f1": Metric("f1"),
    "wer": Metric("wer", higher_is_better=False),
    "length": Metric("length", higher_is_better=None),
}


def column(name: str, scores: Mapping[str, Sequence[float]]) -> CellColumn:
    """A cell with such scores; NaN for a record without one."""
    numbers = {metric: np.array(values) for metric, values in scores.items()}
    estimates = {metric: Bootstrap(len(values)).estimate(values) for metric, values in numbers.items()}
    result = CellResult(
        f"{name}.p.d",
        name,
        name,
        "p",
        False,
        12,
        12,
        {metric: estimate for metric, estimate in estimates.items() if estimate},
        {},
        None,
        None,
        {},
    )
    return CellColumn(result, numbers)


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
    assert "It has no scored record in common with other" in board.verdict.text


def test_failed_cells_stay_on_the_board() -> None:
    """They have no rank, and the verdict counts them."""
    failed = (FailedCell("x.p.d", "x", "train.x", "out of memory"),)

    board = make_leaderboard("d", "f1", [column("a", {"f1": [0.5] * 12})], failed, METRICS)

    assert failed == board.failed
    assert "1 candidate could not be evaluated" in board.verdict.text
