"""The report in a headless browser: no text of models or datasets runs, and sorting, filtering and unfolding work."""

from __future__ import annotations

import re
from collections.abc import Callable

import attrs
import pytest

from llmops_sdk.report.data import DatasetInfo, ReportData, StepInfo
from llmops_sdk.values.answers import Answer, Answered, Unanswered
from llmops_sdk.values.probes import ProbeSample
from llmops_sdk.values.prompts import TextPrompt
from llmops_sdk.values.results import EvaluatorInfo, FailedCell, Leaderboard, Results, Verdict
from llmops_sdk.values.scores import Metric

from .browser import Browser, shown, wait
from .samples import HOSTILE, METRICS, cell_result, one_cell, records, report_data, sample, wide_report_data


def test_hostile_text_stays_text(browser: Browser) -> None:
    """Whatever models, datasets and errors contain, no script runs, no element appears, and the text can be read."""
    page = browser.open(_hostile_data())
    injected = "document.querySelectorAll('img, iframe, object, [onload], [onerror], title b').length"
    page.evaluate("document.querySelectorAll('.unfold').forEach((button) => button.click())")
    page.locator(".outs select").first.select_option("shared")
    page.locator(".outs select").last.select_option("between")
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    assert 0 == page.evaluate(injected)
    assert 12 == page.evaluate("document.scripts.length")  # ten that run, the index, and a chunk
    answers = page.locator(".detail .card-out:not(:first-child) .block-text").all_inner_texts()
    assert HOSTILE[0] in answers[0]
    assert HOSTILE[1] in answers[1]
    assert HOSTILE[4] in answers[4]
    assert "bell\u2407 escape\u241b[31m null\u2400 delete\u2421" in answers[7]
    assert 20_000 == len(answers[9].strip())
    assert page.get_by_text("The first 20,000 of 45,000 characters").count() > 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_records_sort_by_any_metric_of_any_candidate(browser: Browser) -> None:
    """A candidate's heading sorts by its score, and a second time in reverse; missing scores stay last; keys work too."""
    data = report_data()
    page = browser.open(data)
    page.get_by_label("Metric", exact=True).select_option(label="ROUGE-L")
    heading = page.locator(".answers thead th", has_text="base")
    heading.get_by_role("button").click()
    assert "descending" == heading.get_attribute("aria-sort")
    assert _ranked(data, "base", "rougeL", down=True)[:25] == shown(page)
    heading.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert "ascending" == heading.get_attribute("aria-sort")
    assert heading.get_by_role("button").evaluate("button => button === document.activeElement")
    page.get_by_role("button", name="Next").click()
    expected = _ranked(data, "base", "rougeL", down=False)
    assert expected[25:] == shown(page)
    assert {5, 17, 30} == set(expected[-3:])
    assert 1 == page.locator(".answers thead [aria-sort=ascending], .answers thead [aria-sort=descending]").count()


def test_records_sort_by_the_difference_of_two_candidates(browser: Browser) -> None:
    """The difference of the two that are compared sorts the records, and the drawing above opens one of them."""
    data = report_data(("tuned", "base"))
    page = browser.open(data)
    scores = {name: {line.index: line.scores for line in data.samples[f"{name}@dolly"]} for name in ("tuned", "base")}
    gaps = {i: scores["tuned"][i]["meteor"] - s["meteor"] for i, s in scores["base"].items() if "meteor" in s}
    page.get_by_role("button", name="Difference").click()
    found = shown(page)
    assert sorted(gaps.values(), reverse=True)[:25] == pytest.approx([gaps[i] for i in found], abs=2e-6)
    page.get_by_label("Compare", exact=True).select_option(label="base")
    page.get_by_label("with", exact=True).select_option(label="tuned")
    assert max(-gap for gap in gaps.values()) == pytest.approx(-gaps[shown(page)[0]], abs=2e-6)
    page.locator(".bars .reach").last.click()
    page.locator(".detail").wait_for()


def test_records_filter_by_text_failure_and_winner(browser: Browser) -> None:
    """The search covers every text; a filter shows failures, or the records where one candidate beats another."""
    data = report_data(("tuned", "base"))
    page = browser.open(data)
    page.get_by_role("searchbox").fill("OCTOPUSES")
    assert [12, 13, 14, 15] == shown(page)
    page.get_by_role("searchbox").fill("no such words anywhere")
    assert [] == shown(page)
    assert page.get_by_text("No matching records").is_visible()
    page.get_by_role("searchbox").fill("")
    show = page.get_by_label("Show", exact=True)
    show.select_option("failed")
    assert [5, 17, 30] == shown(page)
    show.select_option("ahead")
    wait(page)
    lines = zip(data.samples["tuned@dolly"], data.samples["base@dolly"], strict=True)
    ahead = [a.index for a, b in lines if b.scores and round(a.scores["meteor"] - b.scores["meteor"], 6) > 0]
    assert ahead[:25] == shown(page)
    assert f"of {len(ahead)} found in 44" in page.get_by_role("status").inner_text()
    show.select_option("behind")
    lines = zip(data.samples["tuned@dolly"], data.samples["base@dolly"], strict=True)
    behind = [a.index for a, b in lines if b.scores and round(a.scores["meteor"] - b.scores["meteor"], 6) < 0]
    assert behind == shown(page)
    assert [
        "all records",
        "lost: base beats tuned",
        "won: tuned beats base",
        "equal: tuned and base",
        "any failure or missing score",
        "any answer cut at the token limit",
        "longest answers, the top 5 %",
        "most tokens, the top 5 %",
        "slowest answers, the top 5 %",
    ] == show.locator("option").all_inner_texts()


def test_record_opens_in_full_and_has_an_address(browser: Browser) -> None:
    """A record opens with its context, prompts and all answers; its address opens it again, on any page of the table."""
    data = report_data()
    page = browser.open(data)
    button = page.get_by_role("button", name="Record 6 in full")
    button.focus()
    page.keyboard.press("Enter")
    detail = page.locator(".detail")
    assert "true" == button.get_attribute("aria-expanded")
    assert records()[6]["context"] in detail.inner_text()
    assert {"base", "tuned", "tuned-plain"} == set(detail.locator(".card-out .who").all_inner_texts())
    assert 2 == detail.locator("summary").count()
    assert page.url.endswith("#r0-6")
    button.click()
    assert 0 == page.locator(".detail").count()
    page.goto(page.url.replace("#r0-6", "#r0-39"))
    page.locator("#r0-39 + .detail").wait_for()
    other = browser.open(data, anchor="#r0-40")
    assert records()[40]["context"] in other.locator(".detail").inner_text()
    assert other.locator("#r0-40").is_visible()


def test_all_answers_to_a_record_are_shown(browser: Browser) -> None:
    """Their number and the mean of their scores in the table, each with its own score in the open record."""
    row = {"instruction": "i", "response": "r"}
    lines = [
        attrs.evolve(
            sample(index, row, f"text {index} {repeat}", scores={"meteor": (index + repeat) / 4}), repeat=repeat
        )
        for index in range(2)
        for repeat in range(3)
    ]
    page = browser.open(one_cell(lines))
    cells = page.locator("tr.record td.answer")
    assert ["0.250", "0.500"] == cells.locator(".score").all_inner_texts()
    assert ["3 answers", "3 answers"] == cells.locator(".tag").all_inner_texts()
    page.get_by_role("button", name="Record 1 in full").click()
    cards = page.locator(".detail .card-out").filter(has=page.locator(".who"))
    assert ["answer 1 of 3", "answer 2 of 3", "answer 3 of 3"] == cards.locator("header .tag").all_inner_texts()
    assert ["0.250", "0.500", "0.750"] == cards.locator("dd").all_inner_texts()
    assert all(f"text 1 {repeat}" in cards.nth(repeat).inner_text() for repeat in range(3))
    page.get_by_role("searchbox").fill("text 0 2")
    assert [0] == shown(page)


def test_notes_and_probes_of_evaluators_can_be_unfolded(browser: Browser) -> None:
    """A judge's reasons and the replies to probes are below their answer; their text stays text."""
    row = {"instruction": "i", "response": "r"}
    line = sample(
        0,
        row,
        "an answer",
        scores={"meteor": 0.5},
        notes={"llm-judge": {"judgment": f"Good. {HOSTILE[1]}"}},
        probes={
            "robustness": (
                ProbeSample("0", TextPrompt("asked again"), Answered(0, Answer("another answer"))),
                ProbeSample("1", TextPrompt("asked once more"), Unanswered(1, "too long")),
            ),
            "stereotypes": (ProbeSample("more", TextPrompt("a sentence"), Answered(0, Answer(log_probability=-12.5))),),
        },
    )
    page = browser.open(one_cell([line]), anchor="#r0-0")
    fold = page.locator(".beside")
    assert "4 notes of evaluators" == fold.locator("summary").inner_text()
    fold.locator("summary").click()
    notes = fold.inner_text()
    for text in (
        "llm-judge: judgment",
        HOSTILE[1],
        "robustness: probe 0",
        "answered: another answer",
        "failed: too long",
        "log-probability: -12.5000",
    ):
        assert text in notes
    assert 0 == page.locator("img").count()


def test_shared_words_are_marked(browser: Browser) -> None:
    """The marked words are exactly those that answer and reference have in the same order."""
    row = {"instruction": "i", "response": "The cat sat on the mat."}
    page = browser.open(one_cell([sample(0, row, "A cat sat, then ran on a mat", scores={"meteor": 0.5})]))
    page.locator(".unfold").click()
    page.locator(".outs select").select_option("shared")
    assert "cat sat on mat" == " ".join(" ".join(page.locator("mark").all_text_contents()).split())
    assert page.get_by_text("4 of the 6 words of the reference, in the same order; 8 words in the answer").is_visible()


def test_candidates_can_be_hidden(browser: Browser) -> None:
    """A candidate's button hides its column and shows it again; the last column stays."""
    page = browser.open(report_data(("tuned", "base")))
    chips = page.get_by_role("group", name="Candidates shown")
    chips.get_by_role("button", name="base").click()
    wait(page)
    assert 0 == page.locator(".answers th", has_text="base").count()
    chips.get_by_role("button", name="tuned").click()
    assert "true" == chips.get_by_role("button", name="tuned").get_attribute("aria-pressed")
    assert 1 == page.locator(".answers th", has_text="tuned").count()
    chips.get_by_role("button", name="base").click()
    assert 1 == page.locator(".answers th", has_text="base").count()


def test_leaderboard_sorts_and_its_plots_switch(browser: Browser) -> None:
    """The leaderboard sorts by any column, and the plots follow the chosen metric."""
    page = browser.open(report_data())
    heading = page.locator(".lead thead th", has_text="Latency")
    heading.get_by_role("button").click()
    assert "ascending" == heading.get_attribute("aria-sort")
    values = page.locator(".lead tbody td[data-label^=Latency]").evaluate_all(
        "cells => cells.map((cell) => Number(cell.dataset.value))"
    )
    assert sorted(values) == values
    page.get_by_role("group", name="Metric of the plots").get_by_role("button", name="BERTScore").click()
    assert ["bertscore"] == page.locator("[data-panel=plots-0]:visible").evaluate_all(
        "panels => panels.map((p) => p.dataset.name)"
    )
    page.get_by_role("group", name="Horizontal axis of the curves").get_by_role("button", name="tokens").click()
    page.locator(".field:visible").hover()
    assert "held out" in page.locator(".tip:visible").inner_text()


def test_theme_follows_the_system_and_the_button(browser: Browser) -> None:
    """The page is dark if the system is; the button changes that, also after a reload. Print is always light."""
    page = browser.open(report_data(("tuned", "base")), scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.get_by_role("button", name="Use light colours").click()
    light = page.evaluate(ground)
    assert sum(map(int, re.findall(r"\d+", dark))) < 120
    assert sum(map(int, re.findall(r"\d+", light))) > 600
    page.wait_for_timeout(250)  # until what the page stored can be read by the process that shows it again
    page.reload()
    assert light == page.evaluate(ground)
    page.get_by_role("button", name="Use dark colours").click()
    assert dark == page.evaluate(ground)
    page.emulate_media(media="print")
    assert "rgb(23, 26, 30)" == page.evaluate("getComputedStyle(document.body).color")
    assert not page.locator(".tools").is_visible()


@pytest.mark.parametrize("make", [report_data, lambda: wide_report_data(10, 1)], ids=["three", "ten"])
def test_page_fits_a_phone(browser: Browser, make: Callable[[], ReportData]) -> None:
    """At 390 pixels the page does not scroll sideways, folded or unfolded."""
    page = browser.open(make(), width=390)
    page.locator(".unfold").first.click()
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    assert 390 == page.evaluate("document.documentElement.scrollWidth")
    wide = """[...document.querySelectorAll("main *")].filter(
      (found) => found.getBoundingClientRect().right > 391 && !found.closest(".answers thead, svg, .hidden")
    ).length"""
    assert 0 == page.evaluate(wide)


def test_many_records_are_drawn_in_parts(browser: Browser) -> None:
    """Of 500 records by 10 candidates, sorted and searched, the page draws 25 at a time."""
    page = browser.open(wide_report_data(10, 12))
    page.evaluate(
        """() => {
          document.querySelector(".answers thead [data-key='3'] button").click();
          const search = document.querySelector("input[type=search]");
          search.value = "octopus";
          search.dispatchEvent(new Event("input"));
        }"""
    )
    assert 25 == len(shown(page))


@pytest.mark.parametrize("width", [1280, 1920])
@pytest.mark.parametrize("many", ["metrics", "candidates"])
def test_leaderboard_fits_a_screen(browser: Browser, many: str, width: int) -> None:
    """Five metrics, or ten candidates, need no scrolling: every column is on the screen."""
    page = browser.open(five_metrics() if many == "metrics" else wide_report_data(10, 1), width=width)

    assert width == page.evaluate("document.documentElement.scrollWidth")
    assert 0 == page.evaluate(f"{_BOX}.scrollWidth - {_BOX}.clientWidth")
    assert not page.evaluate(f"{_BOX}.classList.contains('more')")


def test_a_leaderboard_with_many_metrics_scrolls_and_shows_it(browser: Browser) -> None:
    """Its right edge fades until it is scrolled to the end; the candidates stay in place."""
    page = browser.open(many_metrics(11), width=1280)
    name = page.locator(".lead tbody th").first
    before = name.bounding_box()["x"]

    assert page.evaluate(f"{_BOX}.classList.contains('more')")
    page.evaluate(f"{_BOX}.scrollLeft = 10_000")
    page.locator(".scroll:not(.more) > .lead").wait_for()
    assert before == name.bounding_box()["x"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_long_hashes_are_shortened(browser: Browser) -> None:
    """The version of a trained model and of an endpoint's weights are short, with all of them on hover."""
    page = browser.open(five_metrics())

    assert "from smollm2-135m-instruct bcc81830d1…" in page.locator(".models th .sub").first.inner_text()
    assert "weights bcc81830d1…" in page.locator(".shared").inner_text()
    assert {HASH} == set(page.locator(".short").evaluate_all("found => found.map((e) => e.title)"))


def test_details_that_all_endpoints_share_are_shown_once(browser: Browser) -> None:
    """A candidate has only those details of its endpoint that differ between candidates."""
    data = report_data(("tuned", "base"))
    (board,) = data.results.leaderboards
    first = attrs.evolve(board.cells[0], endpoint={"device": "cuda", "dtype": "float32"})
    board = attrs.evolve(board, cells=(first, *board.cells[1:]))
    page = browser.open(attrs.evolve(data, results=attrs.evolve(data.results, leaderboards=(board,))))

    assert "All endpoints: dtype float32" == page.locator(".shared").inner_text()
    assert ["device cuda", "device cpu"] == page.locator(".lead .sub .row").all_inner_texts()


# -- what the tests look at ---------------------------------------------------------------------

HASH = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
_BOX = "document.querySelector('.scroll')"


def five_metrics() -> ReportData:
    """Return a report with five metrics, and hashes where a real run has them."""
    data = many_metrics(5)
    (board,) = data.results.leaderboards
    endpoint = {"batching": "continuous", "device": "cpu", "dtype": "float32", "kernel": "onednn", "weights": HASH}
    cells = [attrs.evolve(cell, endpoint=endpoint) for cell in board.cells]
    cells = [
        attrs.evolve(cell, training=attrs.evolve(cell.training, base=attrs.evolve(cell.training.base, version=HASH)))
        if cell.training
        else cell
        for cell in cells
    ]
    board = attrs.evolve(board, cells=tuple(cells))
    return attrs.evolve(data, results=attrs.evolve(data.results, leaderboards=(board,)))


def many_metrics(count: int) -> ReportData:
    """Return a report with that many metrics; those beyond three have the numbers of METEOR."""
    data = report_data(("tuned", "base"))
    (board,), (evaluator,) = data.results.leaderboards, data.results.evaluators
    further = [Metric(f"metric-{number}", f"Metric {number}") for number in range(count - len(METRICS))]
    cells = tuple(
        attrs.evolve(
            cell, estimates={**cell.estimates, **{metric.name: cell.estimates["meteor"] for metric in further}}
        )
        for cell in board.cells
    )
    results = attrs.evolve(
        data.results,
        leaderboards=(attrs.evolve(board, cells=cells),),
        evaluators=(attrs.evolve(evaluator, metrics=(*METRICS, *further)),),
    )
    return attrs.evolve(data, results=results)


def _hostile_data() -> ReportData:
    lines = [
        sample(
            place,
            {"instruction": text, "context": text, "response": text, text[:40]: text},
            text,
            prompt=text,
            scores={"meteor": 0.5},
        )
        for place, text in enumerate(HOSTILE)
    ]
    failed = [
        attrs.evolve(
            line, outcome=Unanswered(line.index, line.output or ""), scores={}, score_errors={HOSTILE[1]: HOSTILE[0]}
        )
        for line in lines
    ]
    name = HOSTILE[1]
    cells = (cell_result("a", lines), cell_result(name, failed, cell="b@dolly", model=HOSTILE[0], prompt=HOSTILE[4]))
    lost = tuple(FailedCell(f"lost-{place}", text[:80], HOSTILE[0], text) for place, text in enumerate(HOSTILE))
    board = Leaderboard(
        "</title><b>", "meteor", cells, lost, (), Verdict("a", settled=False, tied=(name,), text=HOSTILE[0])
    )
    metadata = {text[:60]: text for text in HOSTILE}
    return ReportData(
        results=Results(HOSTILE[1], HOSTILE[0], (board,), (EvaluatorInfo(HOSTILE[1], METRICS, metadata),)),
        metadata=metadata,
        specification=HOSTILE[0],
        datasets=(DatasetInfo(HOSTILE[0], metadata, 1, 2),),
        prompts=metadata,
        generation=metadata,
        steps=tuple(StepInfo(text[:60], HOSTILE[1], "failed", 1.0, text) for text in HOSTILE),
        samples={"a@dolly": lines, "b@dolly": failed},
    )


def _ranked(data: ReportData, candidate: str, metric: str, *, down: bool) -> list[int]:
    lines = data.samples[f"{candidate}@dolly"]
    scored = [line for line in lines if metric in line.scores]
    scored.sort(key=lambda line: (round(line.scores[metric], 6) * (-1 if down else 1), line.index))
    return [line.index for line in scored] + [line.index for line in lines if metric not in line.scores]
