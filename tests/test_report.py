"""The report: numbers as text, records as safe JSON, and a page that really works in a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from .report_samples import METRICS, cell_result, differences, records, report_data, sample, wide_report_data

from llmops_sdk import report as report_module
from llmops_sdk.report import DatasetFacts, ReportData, StepFacts, render_report, write_report
from llmops_sdk.report_parts import MOST_CHARACTERS, amount, axis, duration, interval, number, script_json, smoothed
from llmops_sdk.results import Estimate, EvaluatorFacts, FailedCell, Leaderboard, Results, Verdict
from llmops_sdk.values import BaseModel, Metric, TrainedModel, TrainingPoint

HOSTILE = (
    "</script><script>alert(1)</script>",
    '<img src=x onerror="alert(2)">',
    "<!--<script>",
    "]]><svg onload=alert(3)>",
    "{{ 7 * 7 }}{% raw %}",
    "\u202eevil\u202c \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 line\u2028separator\u2029paragraph",
    "bell\x07 escape\x1b[31m null\x00 delete\x7f",
    "lone \ud800 surrogate",
    "x" * 20_000,
    "word " * 9_000,
)


# -- numbers as text ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.312", 0.3121),
        ("\N{MINUS SIGN}0.084", -0.0841),
        ("0.000", -0.0001),
        ("12.35", 12.346),
        ("123.5", 123.46),
        ("12,346", 12345.6),
        ("\N{EN DASH}", None),
        ("\N{EN DASH}", float("nan")),
    ],
)
def test_number_keeps_what_people_compare(text: str, value: float | None) -> None:
    """Three decimals below 10, fewer above, a true minus sign, and no minus before a zero."""
    assert text == number(value)


def test_interval_shows_signs_of_differences() -> None:
    """An interval of a difference has a sign at both ends."""
    assert "[\N{MINUS SIGN}0.010, +0.158]" == interval(Estimate(0.1, -0.01, 0.158, 9), sign=True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("4 ms", 0.004), ("0.42 s", 0.42), ("12.3 s", 12.34), ("1 min 00 s", 59.7), ("3 min 05 s", 185), ("2 h 07 min", 7621), ("\N{EN DASH}", None)],
)
def test_duration_has_the_unit_that_fits(text: str, seconds: float | None) -> None:
    """Times are told in the largest unit that keeps them readable."""
    assert text == duration(seconds)


def test_amount_writes_counts_without_decimals() -> None:
    """A count stays a count; a rate keeps one decimal."""
    assert ["1,172", "481.2", "0.312"] == [amount(1172.0), amount(481.23), amount(0.3123)]


@pytest.mark.parametrize("values", [[0.2, 0.31], [0.0, 0.0], [-5.0, 1200.0], [3.0], [1e-7, 3e-7], [0.5, 0.5]])
def test_axis_holds_its_values_and_has_few_round_ticks(values: list[float]) -> None:
    """Whatever the values, they lie on the scale, and so do its ticks."""
    scale = axis(values, pad=0.05)
    assert all(0 <= scale.share(value) <= 1 for value in values)
    assert 2 <= len(scale.ticks) <= 8
    assert all(-1e-9 <= scale.share(tick) <= 1 + 1e-9 for tick in scale.ticks)
    assert len({scale.label(tick) for tick in scale.ticks}) == len(scale.ticks)


def test_smoothed_is_an_average_without_a_start_at_zero() -> None:
    """A constant loss stays constant, and a step is followed slowly."""
    assert pytest.approx([2.0] * 50) == smoothed([2.0] * 50)
    assert 1.0 < smoothed([1.0] * 40 + [2.0] * 4)[-1] < 2.0


def test_script_json_has_nothing_that_html_reads() -> None:
    """No text can end the script element, and the JSON still says the same."""
    written = script_json(list(HOSTILE))
    assert not re.search("[<>&\u2028\u2029\ud800-\udfff]", written)
    assert list(HOSTILE) == json.loads(written)


# -- the page, as text --------------------------------------------------------------------------


def test_report_loads_nothing_and_allows_only_its_own_scripts() -> None:
    """The policy has the hash of the page's style and of each script, and nothing on the page names another file."""
    page = render_report(report_data())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    allowed = policy[1].replace("&#39;", "'")
    found = re.findall(r"<(?:style|script)>(.*?)</(?:style|script)>", page, re.DOTALL)
    hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in found}
    assert len(found) == 5
    assert hashes == set(re.findall(r"'sha256-[^']*'", allowed))
    assert allowed.startswith("default-src 'none';")
    assert "unsafe" not in allowed
    assert not re.search(r"\b(src|srcset|action|poster)=", re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL))
    assert {address[0] for address in re.findall(r'href="([^"]*)"', page)} == {"#"}
    assert "@import" not in page
    assert "url(" not in page


def test_verdict_tells_the_best_and_its_lead_with_its_interval() -> None:
    """The headline has the verdict's words, and the difference is turned around: the best minus the next."""
    data = report_data(("tuned", "base"))
    board = data.results.leaderboards[0]
    behind = next(d for d in board.differences if d.metric == "meteor")
    page = render_report(data)
    head = page[page.index('<section class="verdicts"') : page.index('<section id="leaderboard"')]
    assert board.verdict.text in head
    assert "Settled" in head
    assert f">{number(-behind.estimate.mean, sign=True)}<" in head
    turned = Estimate(0, -behind.estimate.high, -behind.estimate.low, 1)
    assert interval(turned, sign=True) in head
    assert f"better on {behind.worse}, worse on {behind.better}" in head


def test_open_verdict_names_who_is_tied() -> None:
    """What the evidence does not settle is not called settled, and the tied candidates stand in the headline."""
    data = _with_verdict(Verdict("tuned", settled=False, tied=("base",), text="44 records do not settle it."))
    head = render_report(data).split('<section id="leaderboard"')[0]
    assert "Not settled" in head
    assert re.search(r"Cannot be told from the best:.*base", head, re.DOTALL)


def test_verdict_without_a_best_is_a_report_too() -> None:
    """Where nothing was scored, the report says so and shows the failures with their step."""
    failed = (FailedCell("a@d", "a", "train-a", "no room for <b>this</b>"),)
    board = Leaderboard("d", "meteor", (), failed, (), Verdict("", settled=False, tied=(), text="there is nothing to decide on."))
    page = render_report(ReportData(results=Results("r", "n", (board,), ())))
    assert "No result" in page
    assert "failed in train-a" in page
    assert "no room for &lt;b&gt;this&lt;/b&gt;" in page


def test_failed_cells_show_step_and_error() -> None:
    """A candidate that failed is on its leaderboard, with the step and the reason."""
    page = render_report(report_data())
    assert "failed in train-llama-2-7b-alpaca-dolly" in page
    assert "no quota for training job usage" in page


def test_metric_that_falls_is_marked() -> None:
    """Where a lower number wins, the report says so wherever the metric stands."""
    metric = Metric("wer", "Word error rate", higher_is_better=False)
    lines = {name: [sample(i, row, "x", scores={"wer": level + i / 100}) for i, row in enumerate(records()[:12])] for name, level in (("a", 0.1), ("b", 0.3))}
    cells = tuple(cell_result(name, found) for name, found in lines.items())
    gaps = tuple(attrs.evolve(d, metric="wer") for d in differences(_as_meteor(lines, "wer"), "a") if d.metric == "meteor")
    board = Leaderboard("dolly", "wer", cells, (), gaps, Verdict("a", settled=True, tied=(), text="a is best."))
    page = render_report(ReportData(results=Results("r", "n", (board,), (EvaluatorFacts("e", (metric,), {}),))))
    assert "Word error rate (lower is better)" in _plain(page)
    assert "← better" in page


def test_report_holds_the_first_500_records_and_says_so() -> None:
    """A longer data set is cut by index, and the report names where all of it is."""
    rows = [{"instruction": f"do {place}", "response": "yes"} for place in range(620)]
    lines = [sample(place, row, "yes", scores={"meteor": 0.5}) for place, row in enumerate(rows)]
    page = render_report(_one_cell(list(reversed(lines))))
    assert [*range(500)] == [record["index"] for record in _payload(page)["records"]]
    assert "500 of 620 test records" in _plain(page)
    assert "samples/a@dolly/" in page


def test_report_takes_no_more_records_than_a_page_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Very long records end the list early, and the report says how many there are."""
    monkeypatch.setattr(report_module, "MOST_BYTES", 10_000)
    lines = [sample(place, {"instruction": "i", "response": "r" * 900}, "o", scores={"meteor": 0.5}) for place in range(40)]
    page = render_report(_one_cell(lines))
    shown = len(_payload(page)["records"])
    assert 5 < shown < 15
    assert f"{shown} of 40 test records" in _plain(page)
    assert "fewer where they are very long" in page


def test_long_text_is_cut_and_says_so() -> None:
    """A text beyond the limit is cut to it and carries its true length."""
    page = render_report(_one_cell([sample(0, {"instruction": "i", "response": "r"}, "o" * 54_321, scores={"meteor": 0.5})]))
    assert {"cut": "o" * MOST_CHARACTERS, "of": 54_321} == _payload(page)["records"][0]["answers"][0]["output"]


def test_prompt_is_kept_once_per_template() -> None:
    """Candidates that share a prompt share its text; one that was asked otherwise keeps its own."""
    row = {"instruction": "i", "response": "r"}
    chat = [{"role": "user", "content": "i"}]
    asked = {"a": "same prompt", "b": "same prompt", "c": "another prompt", "d": chat}
    lines = {name: [sample(0, row, "o", prompt=prompt, scores={"meteor": 0.5})] for name, prompt in asked.items()}
    names = {"a": "alpaca", "b": "alpaca", "c": "alpaca", "d": "chat"}
    cells = tuple(cell_result(name, found, prompt=names[name]) for name, found in lines.items())
    board = Leaderboard("dolly", "meteor", cells, (), (), Verdict("a", settled=False, tied=(), text="t"))
    data = ReportData(results=Results("r", "n", (board,), ()), samples={f"{name}@dolly": found for name, found in lines.items()})
    record = _payload(render_report(data))["records"][0]
    assert {"alpaca": "same prompt", "chat": [["user", "i"]]} == record["prompts"]
    assert [None, None, "another prompt", None] == [answer.get("prompt") for answer in record["answers"]]


def test_odd_values_do_not_break_the_page(tmp_path: Path) -> None:
    """Fields that are no text, numbers that JSON has not, and broken Unicode still make a valid UTF-8 file."""
    row = {"instruction": "lone \ud800", "response": "r", "tags": ["a", 1], "weight": float("nan"), "big": 2**70}
    line = sample(0, row, "\udfff out", latency=float("inf"), scores={"meteor": 0.5}, error="bad \ud801")
    data = _one_cell([line])
    data = attrs.evolve(data, facts={"machine": "odd \ud800 \x00 name"}, steps=(StepFacts("s", "train", "failed", 1.0, "\udc00"),))
    path = write_report(data, tmp_path / "deep" / "report.html")
    record = _payload(path.read_text(encoding="utf-8"))["records"][0]
    assert [["tags", '["a", 1]'], ["weight", "NaN"], ["big", str(2**70)]] == record["fields"][2:]
    assert "latency" not in record["answers"][0]


def test_write_report_replaces_the_file_whole(tmp_path: Path) -> None:
    """The file is put in place by rename, with nothing left beside it, and an error leaves the old one."""
    path = tmp_path / "report.html"
    path.write_text("old")
    broken = attrs.evolve(report_data(), datasets=(object(),))
    with pytest.raises(Exception, match="name"):
        write_report(broken, path)
    assert "old" == path.read_text()
    assert path == write_report(report_data(), path)
    assert ["report.html"] == [found.name for found in tmp_path.iterdir()]
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_shared_training_is_drawn_once() -> None:
    """A model asked on two data sets has one curve; without any training there is no such section."""
    data = report_data()
    board = data.results.leaderboards[0]
    twice = attrs.evolve(data, results=attrs.evolve(data.results, leaderboards=(board, attrs.evolve(board, dataset="other"))))
    assert 2 == len(json.loads(_script(render_report(twice), "curves-data")))
    none = attrs.evolve(board, cells=tuple(attrs.evolve(cell, training=None) for cell in board.cells))
    page = render_report(attrs.evolve(data, results=attrs.evolve(data.results, leaderboards=(none,))))
    assert 'id="training"' not in page


def test_training_without_a_curve_shows_its_numbers() -> None:
    """A remote job that reports metrics alone has its row, and no empty drawing."""
    model = TrainedModel("jumpstart", "s3://b/m", BaseModel("jumpstart", "llama"), job_name="job-7", metrics={"eval_loss": 1.5})
    lines = [sample(0, {"instruction": "i", "response": "r"}, "o", scores={"meteor": 0.5})]
    page = render_report(_one_cell(lines, training=model, fine_tuned=True))
    assert "job-7" in page
    assert "eval loss" in page
    assert 'class="curves"' not in page


def test_long_curve_is_thinned() -> None:
    """Ten thousand steps are drawn with a few hundred points."""
    curve = tuple(TrainingPoint(step, step, step / 2, 2.0 + (step % 7) / 10) for step in range(10_000))
    model = TrainedModel("huggingface", "m", BaseModel("huggingface", "b"), curve=curve)
    lines = [sample(0, {"instruction": "i", "response": "r"}, "o", scores={"meteor": 0.5})]
    page = render_report(_one_cell(lines, training=model))
    raw = re.search(r'class="raw" points="([^"]*)"', page)
    assert raw is not None
    assert 300 < len(raw[1].split()) <= 400


def test_method_tells_what_the_numbers_rest_on() -> None:
    """Specification, prompts, steps, data sets, generation and the evaluators' provenance are all there."""
    data = report_data()
    text = _plain(render_report(data))
    evaluator = data.results.evaluators[0]
    for told in (*data.prompts.values(), data.specification, *data.generation.values(), *evaluator.provenance.values()):
        assert re.sub(r"\s+", " ", told).strip() in text
    for step in data.steps:
        assert step.name in text


def test_report_of_500_records_by_10_candidates_is_a_few_megabytes() -> None:
    """The largest usual report stays small enough to send."""
    assert 0.5e6 < len(render_report(wide_report_data(10, 12)).encode()) < 5e6


# -- the page, in a browser ---------------------------------------------------------------------


@attrs.define
class _Browser:
    """A headless Chromium, and what its pages did that they must not do."""

    chromium: Any
    folder: Path
    complaints: list[str] = attrs.field(factory=list)
    requests: list[str] = attrs.field(factory=list)

    def open(self, data: ReportData, *, width: int = 1440, scheme: str = "light", anchor: str = "") -> Any:
        """Open the report of `data` in a window of its own."""
        path = write_report(data, self.folder / f"{len(list(self.folder.iterdir()))}.html")
        page = self.chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (self.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(path.as_uri() + anchor)
        return page


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Return a headless Chromium, or skip where there is none."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        program = None
    if program is None:
        reason = "the report's browser tests need playwright and chromium"
        if os.environ.get("LLMOPS_REQUIRE_TEST_DATA") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        started = playwright.chromium.launch(executable_path=program, args=arguments)
        yield started
        started.close()


@pytest.fixture
def browser(chromium: Any, tmp_path: Path) -> Iterator[_Browser]:
    """Return a browser that fails the test when a page complains, opens a dialog or asks for anything."""
    made = _Browser(chromium, tmp_path)
    yield made
    for context in chromium.contexts:
        context.close()
    assert [] == made.complaints
    assert [] == [url for url in made.requests if not re.fullmatch(r"file://.*/\d+\.html(#.*)?", url)]


def test_hostile_text_stays_text(browser: _Browser) -> None:
    """Whatever models, data sets and errors hold, no script runs, no element appears, and the text can be read."""
    page = browser.open(_hostile_data())
    injected = "document.querySelectorAll('img, iframe, object, [onload], [onerror], title b').length"
    for button in page.locator(".unfold").all():
        button.click()
    for pick in page.locator(".outs select").all():
        pick.select_option("shared")
    for fold in page.locator("summary").all():
        fold.click()
    assert 0 == page.evaluate(injected)
    assert 5 == page.evaluate("document.scripts.length")
    answers = page.locator(".detail .card-out:not(:first-child) .block-text").all_inner_texts()
    assert HOSTILE[0] in answers[0]
    assert HOSTILE[1] in answers[1]
    assert HOSTILE[4] in answers[4]
    assert "bell\u2407 escape\u241b[31m null\u2400 delete\u2421" in answers[7]
    assert 20_000 == len(answers[9].strip())
    assert page.get_by_text("The first 20,000 of 45,000 characters").count() > 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_records_sort_by_any_metric_of_any_candidate(browser: _Browser) -> None:
    """A candidate's heading sorts by its score, again turns it, missing scores stay last, and the keyboard does it too."""
    data = report_data()
    page = browser.open(data)
    page.get_by_label("Metric", exact=True).select_option(label="ROUGE-L")
    heading = page.locator(".answers thead th", has_text="base")
    heading.get_by_role("button").click()
    assert "descending" == heading.get_attribute("aria-sort")
    assert _ranked(data, "base", "rougeL", down=True)[:25] == _shown(page)
    heading.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert "ascending" == heading.get_attribute("aria-sort")
    assert heading.get_by_role("button").evaluate("button => button === document.activeElement")
    page.get_by_role("button", name="Next").click()
    expected = _ranked(data, "base", "rougeL", down=False)
    assert expected[25:] == _shown(page)
    assert {5, 17, 30} == set(expected[-3:])
    assert 1 == page.locator(".answers thead [aria-sort=ascending], .answers thead [aria-sort=descending]").count()


def test_records_sort_by_the_difference_of_two_candidates(browser: _Browser) -> None:
    """The difference of the two that are compared sorts the records, and the drawing above opens one of them."""
    data = report_data(("tuned", "base"))
    page = browser.open(data)
    scores = {name: {line["index"]: line["scores"] for line in data.samples[f"{name}@dolly"]} for name in ("tuned", "base")}
    gaps = {i: scores["tuned"][i]["meteor"] - s["meteor"] for i, s in scores["base"].items() if "meteor" in s}
    page.get_by_role("button", name="Difference").click()
    found = _shown(page)
    assert sorted(gaps.values(), reverse=True)[:25] == pytest.approx([gaps[i] for i in found], abs=2e-6)
    page.get_by_label("Compare").select_option(label="base")
    page.get_by_label("with", exact=True).select_option(label="tuned")
    assert max(-gap for gap in gaps.values()) == pytest.approx(-gaps[_shown(page)[0]], abs=2e-6)
    page.locator(".bars .reach").last.click()
    assert 1 == page.locator(".detail").count()


def test_records_filter_by_text_failure_and_winner(browser: _Browser) -> None:
    """The search looks at every text; failures and the records where one candidate beats another can be singled out."""
    data = report_data(("tuned", "base"))
    page = browser.open(data)
    page.get_by_role("searchbox").fill("OCTOPUSES")
    assert [12, 13, 14, 15] == _shown(page)
    page.get_by_role("searchbox").fill("no such words anywhere")
    assert page.get_by_text("No record fits").is_visible()
    page.get_by_role("searchbox").fill("")
    show = page.get_by_label("Show")
    show.select_option("failed")
    assert [5, 17, 30] == _shown(page)
    show.select_option("ahead")
    lines = zip(data.samples["tuned@dolly"], data.samples["base@dolly"], strict=True)
    ahead = [a["index"] for a, b in lines if b["scores"] and round(a["scores"]["meteor"] - b["scores"]["meteor"], 6) > 0]
    assert ahead[:25] == _shown(page)
    assert f"of {len(ahead)} found in 44" in page.get_by_role("status").inner_text()
    assert ["all records", "any failure or missing score", "any answer cut at the token limit", "tuned beats base", "base beats tuned"] == show.locator("option").all_inner_texts()


def test_record_opens_in_full_and_has_an_address(browser: _Browser) -> None:
    """A record opens with its context, prompts and all answers; its address opens it again, on whatever page it is."""
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
    other = browser.open(data, anchor="#r0-40")
    assert records()[40]["context"] in other.locator(".detail").inner_text()
    assert other.locator("#r0-40").is_visible()


def test_shared_words_are_marked(browser: _Browser) -> None:
    """Against the reference, exactly the words that both have in the same order are marked."""
    row = {"instruction": "i", "response": "The cat sat on the mat."}
    page = browser.open(_one_cell([sample(0, row, "A cat sat, then ran on a mat", scores={"meteor": 0.5})]))
    page.locator(".unfold").click()
    page.locator(".outs select").select_option("shared")
    assert "cat sat on mat" == " ".join(" ".join(page.locator("mark").all_text_contents()).split())
    assert page.get_by_text("4 of the reference's 6 words, in its order; 7 words in all").is_visible()


def test_candidates_can_be_left_out(browser: _Browser) -> None:
    """A candidate's button takes its column away and brings it back; the last one stays."""
    page = browser.open(report_data(("tuned", "base")))
    chips = page.get_by_role("group", name="Candidates shown")
    chips.get_by_role("button", name="base").click()
    assert 0 == page.locator(".answers th", has_text="base").count()
    chips.get_by_role("button", name="tuned").click()
    assert "true" == chips.get_by_role("button", name="tuned").get_attribute("aria-pressed")
    assert 1 == page.locator(".answers th", has_text="tuned").count()
    chips.get_by_role("button", name="base").click()
    assert 1 == page.locator(".answers th", has_text="base").count()


def test_leaderboard_sorts_and_its_plots_switch(browser: _Browser) -> None:
    """The leaderboard sorts by any column, and the plots follow the chosen metric."""
    page = browser.open(report_data())
    heading = page.locator(".lead thead th", has_text="Latency")
    heading.get_by_role("button").click()
    assert "ascending" == heading.get_attribute("aria-sort")
    values = page.locator(".lead tbody td[data-label^=Latency]").evaluate_all("cells => cells.map((cell) => Number(cell.dataset.value))")
    assert sorted(values) == values
    page.get_by_role("group", name="Metric of the plots").get_by_role("button", name="BERTScore").click()
    assert ["bertscore"] == page.locator("[data-panel=plots-0]:visible").evaluate_all("panels => panels.map((p) => p.dataset.name)")
    page.get_by_role("group", name="What the curves run over").get_by_role("button", name="tokens").click()
    page.locator(".field:visible").hover()
    assert "held out" in page.locator(".tip:visible").inner_text()


def test_theme_follows_the_system_and_the_button(browser: _Browser) -> None:
    """Dark where the system is dark; the button turns it, and the choice outlives a reload. Print is always light."""
    page = browser.open(report_data(("tuned", "base")), scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.get_by_role("button", name="Use light colours").click()
    light = page.evaluate(ground)
    assert sum(map(int, re.findall(r"\d+", dark))) < 120 < 600 < sum(map(int, re.findall(r"\d+", light)))
    page.reload()
    assert light == page.evaluate(ground)
    page.get_by_role("button", name="Use dark colours").click()
    assert dark == page.evaluate(ground)
    page.emulate_media(media="print")
    assert "rgb(23, 26, 30)" == page.evaluate("getComputedStyle(document.body).color")
    assert not page.locator(".tools").is_visible()


@pytest.mark.parametrize("make", [report_data, wide_report_data], ids=["three", "ten"])
def test_page_fits_a_telephone(browser: _Browser, make: Callable[[], ReportData]) -> None:
    """At 390 pixels nothing makes the page scroll sideways, folded or unfolded."""
    page = browser.open(make(), width=390)
    page.locator(".unfold").first.click()
    for fold in page.locator("summary").all():
        fold.click()
    assert 390 == page.evaluate("document.documentElement.scrollWidth")
    wide = "[...document.querySelectorAll('main *')].filter((e) => e.getBoundingClientRect().right > 391 && !e.closest('.answers thead, svg, .hidden')).length"
    assert 0 == page.evaluate(wide)


def test_many_records_stay_quick(browser: _Browser) -> None:
    """500 records by 10 candidates sort and search within a second even on a slow machine."""
    page = browser.open(wide_report_data(10, 12))
    took = page.evaluate(
        """() => {
          const start = performance.now();
          document.querySelector(".answers thead [data-key='3'] button").click();
          const search = document.querySelector("input[type=search]");
          search.value = "octopus";
          search.dispatchEvent(new Event("input"));
          document.body.getBoundingClientRect();
          return performance.now() - start;
        }"""
    )
    assert 25 == len(_shown(page))
    assert took < 2000


# -- what the tests look at ---------------------------------------------------------------------


def _one_cell(lines: list[dict[str, Any]], **more: Any) -> ReportData:
    cell = cell_result("a", lines, **more)
    board = Leaderboard("dolly", "meteor", (cell,), (), (), Verdict("a", settled=False, tied=(), text="only one."))
    return ReportData(results=Results("r", "n", (board,), (EvaluatorFacts("e", METRICS, {}),)), samples={cell.cell: lines})


def _with_verdict(verdict: Verdict) -> ReportData:
    data = report_data(("tuned", "base"))
    board = attrs.evolve(data.results.leaderboards[0], verdict=verdict)
    return attrs.evolve(data, results=attrs.evolve(data.results, leaderboards=(board,)))


def _as_meteor(lines: dict[str, list[dict[str, Any]]], name: str) -> dict[str, list[dict[str, Any]]]:
    """Return samples whose `name` stands for all metrics, so that `differences` finds it."""
    return {key: [{**line, "scores": dict.fromkeys((m.name for m in METRICS), line["scores"][name])} for line in found] for key, found in lines.items()}


def _hostile_data() -> ReportData:
    lines = [
        sample(place, {"instruction": text, "context": text, "response": text, text[:40]: text}, text, prompt=text, scores={"meteor": 0.5})
        for place, text in enumerate(HOSTILE)
    ]
    failed = [{**line, "output": None, "error": line["output"], "scores": {}, "score_errors": {HOSTILE[1]: HOSTILE[0]}} for line in lines]
    name = HOSTILE[1]
    cells = (cell_result("a", lines), cell_result(name, failed, cell="b@dolly", model=HOSTILE[0], prompt=HOSTILE[4]))
    lost = tuple(FailedCell(f"lost-{place}", text[:80], HOSTILE[0], text) for place, text in enumerate(HOSTILE))
    board = Leaderboard("</title><b>", "meteor", cells, lost, (), Verdict("a", settled=False, tied=(name,), text=HOSTILE[0]))
    facts = {text[:60]: text for text in HOSTILE}
    return ReportData(
        results=Results(HOSTILE[1], HOSTILE[0], (board,), (EvaluatorFacts(HOSTILE[1], METRICS, facts),)),
        facts=facts,
        specification=HOSTILE[0],
        datasets=(DatasetFacts(HOSTILE[0], facts, 1, 2),),
        prompts=facts,
        generation=facts,
        steps=tuple(StepFacts(text[:60], HOSTILE[1], "failed", 1.0, text) for text in HOSTILE),
        samples={"a@dolly": lines, "b@dolly": failed},
    )


def _script(page: str, name: str) -> str:
    found = re.search(f'<script type="application/json" id="{name}">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return found[1]


def _payload(page: str) -> Any:
    return json.loads(_script(page, "records-0"))


def _plain(page: str) -> str:
    text = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    text = re.sub(r"<[^>]*>", "", text)
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&#39;", "'"), ("&#34;", '"'), ("&amp;", "&")):
        text = text.replace(entity, character)
    return re.sub(r"\s+", " ", text)


def _shown(page: Any) -> list[int]:
    return [int(text) for text in page.locator(".unfold").all_inner_texts()]


def _ranked(data: ReportData, candidate: str, metric: str, *, down: bool) -> list[int]:
    lines = data.samples[f"{candidate}@dolly"]
    scored = [line for line in lines if metric in line["scores"]]
    scored.sort(key=lambda line: (round(line["scores"][metric], 6) * (-1 if down else 1), line["index"]))
    return [line["index"] for line in scored] + [line["index"] for line in lines if metric not in line["scores"]]
