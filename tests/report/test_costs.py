"""Quality, latency and cost as drawn."""

from __future__ import annotations

import attrs

from llmops_sdk.report.costs import LARGEST, LINE, SMALLEST, cost_plot, has_costs
from llmops_sdk.report.render import render_report
from llmops_sdk.values.costs import Amount, CandidateCost
from llmops_sdk.values.results import CellResult

from .samples import report_data


def priced(cell: CellResult, per_answer: float, latency: float, *dominated_by: str) -> CellResult:
    """A candidate with a cost."""
    cost = CandidateCost(
        "tokens",
        "1 USD in, 2 USD out per million tokens (a page)",
        priced=cell.answered,
        answers_usd=per_answer * cell.answered,
        answer=Amount(per_answer, 0.9 * per_answer, 1.1 * per_answer, cell.answered),
        latency=Amount(latency, latency, latency, cell.answered),
        per_1000=1000 * per_answer,
        month=150_000 * per_answer,
        dominated_by=dominated_by,
    )
    return attrs.evolve(cell, cost=cost)


def test_a_report_without_prices_has_no_costs() -> None:
    """Neither plot nor table."""
    data = report_data()

    assert not has_costs(data.results.leaderboards[0].cells)
    assert cost_plot(data.results.leaderboards[0]) is None
    assert "Quality, latency and cost" not in render_report(data)


def test_slower_candidates_have_larger_dots_and_dominated_ones_are_marked() -> None:
    """All numbers are in the table too; what is not known is named."""
    data = report_data()
    board = data.results.leaderboards[0]
    first, second, *rest = board.cells
    cells = (priced(first, 0.001, 1.0), priced(second, 0.002, 4.0, first.candidate), *rest)
    board = attrs.evolve(board, cells=cells)
    results = attrs.evolve(data.results, leaderboards=(board, *data.results.leaderboards[1:]))

    plot = cost_plot(board)

    assert plot is not None
    assert [SMALLEST + (LARGEST - SMALLEST) / 2, LARGEST] == [point.radius for point in plot.points]
    page = render_report(attrs.evolve(data, results=results))
    assert "Quality, latency and cost" in page
    assert f'<span class="tag" title="By {first.candidate}">dominated</span>' in page
    assert "1.00 USD" in page
    assert "unknown" in page
    assert 'stroke-dasharray="3 2"' in page


def test_names_stand_within_the_plot_and_beside_each_other() -> None:
    """To the left of a dot in the right half; two dots at one place have their names below each other."""
    board = report_data().results.leaderboards[0]
    first, second, *_ = board.cells
    second = attrs.evolve(second, estimates=first.estimates)

    plot = cost_plot(attrs.evolve(board, cells=(priced(first, 0.002, 1.0), priced(second, 0.002, 1.0))))

    assert plot is not None
    assert [(True, 0.0), (True, LINE)] == [(point.is_right, point.down) for point in plot.points]
    cheap = cost_plot(attrs.evolve(board, cells=(priced(first, 0.0001, 1.0), priced(second, 0.002, 1.0))))
    assert cheap is not None
    assert [(False, 0.0), (True, 0.0)] == [(point.is_right, point.down) for point in cheap.points]
