"""The leaderboards of a report: metrics, scales, lead and colours."""

from __future__ import annotations

import attrs
import pytest

from llmops_sdk.report.boards import COLOURS, Retained, candidate_colours, report_boards
from llmops_sdk.report.data import ReportData
from llmops_sdk.values.estimates import Estimate, MarginResult
from llmops_sdk.values.results import CellResult
from llmops_sdk.values.scores import Metric

from .samples import one_cell, report_data, sample, wide_report_data


def test_the_deciding_metric_comes_first() -> None:
    """Metrics that no candidate has a number for are left out; one without a declaration is shown by its name."""
    data = report_data(("tuned", "base"))
    (board,) = data.results.leaderboards
    cells = tuple(
        attrs.evolve(
            cell,
            estimates={
                "rougeL": cell.estimates["rougeL"],
                "own": cell.estimates["meteor"],
                "meteor": cell.estimates["meteor"],
            },
        )
        for cell in board.cells
    )
    data = _with_cells(data, cells)

    (shown,) = report_boards(data, candidate_colours(data.results))

    assert ["meteor", "rougeL", "own"] == [metric.name for metric in shown.metrics]
    assert Metric("own") == shown.metrics[-1]
    assert {"meteor", "rougeL", "own"} == set(shown.scales) == set(shown.gap_scales)


def test_the_lead_is_the_best_minus_the_next() -> None:
    """The difference of the next candidate, turned around."""
    data = report_data(("tuned", "base"))
    (board,) = data.results.leaderboards
    (gap,) = [difference for difference in board.differences if difference.metric == "meteor"]

    (shown,) = report_boards(data, candidate_colours(data.results))

    assert shown.best is not None
    assert shown.lead is not None
    assert gap.estimate.low is not None
    assert gap.estimate.high is not None
    assert (board.verdict.best, "base") == (shown.best.candidate, shown.lead.versus)
    assert (-gap.estimate.mean, -gap.estimate.high, -gap.estimate.low) == (
        shown.lead.estimate.mean,
        shown.lead.estimate.low,
        shown.lead.estimate.high,
    )
    assert (gap.worse, gap.better) == (shown.lead.better, shown.lead.worse)
    assert [gap] == shown.gaps("meteor")


def test_a_board_without_a_next_candidate_has_no_lead() -> None:
    """There is nothing to compare the best with."""
    data = one_cell([sample(0, {"instruction": "i"}, "yes", scores={"meteor": 0.5})])

    (shown,) = report_boards(data, candidate_colours(data.results))

    assert shown.lead is None
    assert [] == shown.gaps("meteor")


def test_a_candidate_has_one_colour() -> None:
    """Failed candidates have one too, and colours are reused beyond their number."""
    colours = candidate_colours(report_data(("tuned", "base")).results)

    assert {"tuned", "base", "llama-2-7b"} == set(colours)
    assert 3 == len(set(colours.values()))
    many = candidate_colours(wide_report_data(12, 1).results)
    assert set(range(COLOURS)) == set(many.values())


def test_all_records_are_counted() -> None:
    """Those of the dataset, whatever the page shows."""
    data = report_data(("tuned", "base"))

    (shown,) = report_boards(data, candidate_colours(data.results))
    (without,) = report_boards(attrs.evolve(data, samples={}), candidate_colours(data.results))

    assert (44, 44) == (shown.records.total, shown.records.packed.shown)
    assert (44, 0) == (without.records.total, without.records.packed.shown)


def _with_cells(data: ReportData, cells: tuple[CellResult, ...]) -> ReportData:
    (board,) = data.results.leaderboards
    board = attrs.evolve(board, cells=cells)
    return attrs.evolve(data, results=attrs.evolve(data.results, leaderboards=(board,)))


def test_what_is_listed_is_not_in_the_details_too() -> None:
    """The headline, and the candidates against the baseline."""
    data = report_data(("tuned", "base"))
    (board,) = data.results.leaderboards
    margin = MarginResult(
        "tuned", "base", 0.02, Estimate(0.1, 0.0, 0.2, 40), True, False, "tuned is no worse than base."
    )
    text = "tuned is the best. It differs by 0.1. tuned is no worse than base. 4 answers are empty."
    verdict = attrs.evolve(board.verdict, headline="tuned is the best.", text=text, margins=(margin,))
    results = attrs.evolve(data.results, leaderboards=(attrs.evolve(board, verdict=verdict),))

    (shown,) = report_boards(attrs.evolve(data, results=results), candidate_colours(results))

    assert "It differs by 0.1. 4 answers are empty." == shown.details


@pytest.mark.parametrize(
    ("outcomes", "marked"),
    [
        (["kept", "kept"], Retained("settled", "Nothing lost by more than the margin")),
        (["kept", "open"], Retained("unsettled", "Not settled")),
        (["kept", "open", "lost"], Retained("unsettled", "Lost more than the margin")),
        ([], None),
    ],
)
def test_retention_is_marked_by_its_worst_outcome(outcomes: list[str], marked: Retained | None) -> None:
    """No board of another dataset is marked."""
    data = report_data(("tuned", "base"))
    (board,) = data.results.leaderboards
    margins = tuple(
        MarginResult(each, "base", 0.05, Estimate(0, -1, 1, 40), each == "kept", False, f"{each}.", each == "lost")
        for each in outcomes
    )
    retention = attrs.evolve(board, dataset="general", failed=(), verdict=attrs.evolve(board.verdict, margins=margins))
    results = attrs.evolve(data.results, retention=retention)

    boards = report_boards(attrs.evolve(data, results=results), candidate_colours(results))

    assert [None, marked] == [shown.retained for shown in boards]
