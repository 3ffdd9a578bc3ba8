"""One report over several runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from llmops_sdk import LocalStore, Result, Run, RunNotFoundError, SpecError
from llmops_sdk.report.several.collect import collect_runs, report_runs

from ..browser import Browser, shown
from .conftest import MakeRun


def text(path: str) -> str:
    """Return the text of a page outside its scripts and styles."""
    page = re.sub(r"<(script|style)\b.*?</\1>", "", Path(path).read_text(encoding="utf-8"), flags=re.DOTALL)
    page = re.sub(r"<[^>]*>", "", page).replace("&#39;", "'")
    return re.sub(r"\s+", " ", page)


def test_runs_that_share_everything_can_have_one_verdict(make_run: MakeRun, tmp_path: Path) -> None:
    """The page names the command that makes it; each run's own verdict is there."""
    first, second = make_run(), make_run("other", voice="quiet")

    page = text(report_runs([first, second], tmp_path / "both.html"))

    assert "Nothing that a run records" in page
    assert f"one verdict over all of them is that of llmops compare {first.id} {second.id}" in page
    assert 2 == page.count("Only one candidate")
    assert "Runs A and B have the same 10 records" in page


def test_what_differs_is_stated_first(make_run: MakeRun, tmp_path: Path) -> None:
    """With the values of each run, and why candidates of different runs are not tested against each other."""
    runs = [make_run(), make_run("other", generation={"max_new_tokens": 7}, seed=3)]

    page = text(report_runs(runs, tmp_path / "both.html"))

    assert page.index("What differs") < page.index("max_new_tokens") < page.index("Verdicts")
    assert "because the runs differ in data (lines) and max_new_tokens." in page
    assert "llmops compare" not in page


def test_candidates_of_all_runs_are_side_by_side(make_run: MakeRun, tmp_path: Path, browser: Browser) -> None:
    """In the table of records too, with the differences of two answers marked."""
    runs = [make_run(), make_run("other", voice="quiet")]
    report_runs(runs, tmp_path / "both.html")

    page = browser.open(tmp_path / "both.html")

    assert [*range(10)] == shown(page)
    assert ["echo (A)", "echo (B)"] == page.locator(".answers thead .who").all_inner_texts()
    page.get_by_label("Show", exact=True).select_option("ahead")
    assert [*range(10)] == shown(page)
    page.locator(".unfold").first.click()
    page.get_by_label("Mark in the answers").select_option("between")
    assert ["LINE", "line"] == page.locator(".grid-out.two mark").all_text_contents()


def test_a_record_that_a_run_lacks_is_no_failure(make_run: MakeRun, tmp_path: Path, browser: Browser) -> None:
    """It is marked as what it is."""
    report_runs([make_run(), make_run("other", seed=3)], tmp_path / "both.html")

    page = browser.open(tmp_path / "both.html")

    assert page.get_by_text("not in run B").count() == page.get_by_text("not in run A").count() > 0
    page.get_by_label("Show", exact=True).select_option("failed")
    assert [] == shown(page)


def test_scores_that_cannot_be_compared_have_no_difference(
    make_run: MakeRun, tmp_path: Path, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page states it where the differences would be, and offers no filter by them."""
    runs = [make_run(), make_run("other", voice="quiet")]
    keys = iter(({"echo-score": "one"}, {"echo-score": "two"}))
    monkeypatch.setattr("llmops_sdk.report.several.collect.evaluator_keys", lambda _run, _report: next(keys))
    report_runs(runs, tmp_path / "both.html")

    page = browser.open(tmp_path / "both.html")

    assert "echo (A) and echo (B) are not compared in Exact match" in page.locator(".strip").inner_text()
    assert 0 == page.locator(".answers th.gap").count()
    assert page.locator(".tools option[value=ahead]").evaluate("option => option.hidden")


@pytest.mark.parametrize("width", [390, 1600])
def test_the_page_fits_its_window(make_run: MakeRun, tmp_path: Path, browser: Browser, width: int) -> None:
    """Nothing sticks out to the side, unfolded too."""
    runs = [make_run(), make_run("other", generation={"max_new_tokens": 7}, seed=3)]
    report_runs(runs, tmp_path / "both.html")

    page = browser.open(tmp_path / "both.html", width=width)
    page.locator(".unfold").first.click()
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")

    assert width == page.evaluate("document.documentElement.scrollWidth")


def test_a_run_is_named_once(make_run: MakeRun, tmp_path: Path) -> None:
    """And has results; nothing is written otherwise."""
    run = make_run()
    unfinished = Run.create(LocalStore(tmp_path / "runs"), run.plan)

    with pytest.raises(SpecError, match=f"run '{run.id}' is named twice: name each run once"):
        report_runs([run, run], tmp_path / "both.html")
    with pytest.raises(RunNotFoundError, match="has no results yet"):
        report_runs([run, unfinished], tmp_path / "both.html")
    with pytest.raises(SpecError, match="a report has at most 26 runs, not 27"):
        collect_runs([Run(run.store, f"r{number}", run.plan, run.metadata) for number in range(27)])
    assert not (tmp_path / "both.html").exists()


def test_results_report_together(make_run: MakeRun, tmp_path: Path) -> None:
    """From Python, with one result or several."""
    first, second = (Result(make_run(name)) for name in ("one", "two"))

    page = text(str(first.report(tmp_path / "both.html", second)))

    assert "Report of 2 runs" in page
