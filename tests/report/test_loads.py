"""How fast endpoints were under load, as drawn."""

from __future__ import annotations

import attrs

from llmops_sdk.plugin import LoadLevel, ModelLoad
from llmops_sdk.report.data import ReportData
from llmops_sdk.report.loads import load_plot, model_colours
from llmops_sdk.report.render import render_report

from .samples import report_data


def level(concurrency: int, per_second: float, p95: float | None, error: str = "") -> LoadLevel:
    """What an endpoint did with a number of requests at a time."""
    failed = 100 if error else 0
    p50 = None if error else 0.5
    return LoadLevel(
        concurrency,
        100,
        failed,
        9.0,
        "2026-11-30T08:00:00+00:00",
        "Linux x86_64, 2 cores",
        5,
        per_second,
        None,
        p50,
        p95,
    )


def test_a_line_goes_through_the_numbers_of_requests_at_a_time() -> None:
    """Across are answers in a second, up the 95th percentile of the latency; one that answered nothing has no point."""
    load = ModelLoad("base", (level(1, 1.0, 1.0), level(4, 2.0, 2.0), level(16, 0.0, None, "busy")))

    plot = load_plot([load], {"base": 3})

    assert plot is not None
    (line,) = plot.lines
    assert [1, 4] == [point.concurrency for point in line.points]
    assert 3 == line.colour
    assert "95th percentile of the latency" == plot.latency
    x, y = (float(number) for number in line.line.split()[1].split(","))
    assert round(1000 * plot.across.share(2.0), 1) == x
    assert round(1000 - 1000 * plot.up.share(2.0), 1) == y


def test_too_few_answers_for_a_percentile_show_the_median() -> None:
    """For all: the lines are compared. One point alone is no line."""
    plot = load_plot([ModelLoad("base", (level(1, 1.0, 1.0), level(4, 2.0, None)))], {"base": 0})

    assert plot is not None
    assert "median latency" == plot.latency
    assert load_plot([ModelLoad("base", (level(1, 1.0, 1.0),))], {"base": 0}) is None


def test_a_report_has_the_numbers_with_their_date_and_what_failed() -> None:
    """In the colour of the model's first candidate; names are escaped, and a report without a load has no section."""
    data = report_data()
    model = data.results.leaderboards[0].cells[0].model
    busy = attrs.evolve(level(4, 0.0, None, "busy"), error="<b>busy</b>")
    results = attrs.evolve(data.results, loads=(ModelLoad(model, (level(1, 1.0, 1.0), level(2, 2.0, 2.0), busy)),))

    page = render_report(attrs.evolve(data, results=results))

    assert '<h2 id="load-title">Load</h2>' in page
    assert "5 prompts, 2026-11-30, from Linux x86_64, 2 cores" in page
    assert "100 of 100 requests failed at 4 at a time: &lt;b&gt;busy&lt;/b&gt;" in page
    assert 'id="load"' not in render_report(data)
    candidate = data.results.leaderboards[0].cells[0].candidate
    assert {model: 7} == model_colours(results, {**dict.fromkeys(_candidates(data), 0), candidate: 7})


def _candidates(data: ReportData) -> list[str]:
    return [cell.candidate for board in data.results.leaderboards for cell in board.cells]
