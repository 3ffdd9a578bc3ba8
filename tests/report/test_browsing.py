"""The records of a report in a headless browser: all of them, by page, key, filter and address, and two answers side by side."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

import attrs
import pytest

from llmops_sdk.report.data import ReportData
from llmops_sdk.values.answers import Answer, Answered
from llmops_sdk.values.results import EvaluatorInfo, Leaderboard, Results, Verdict
from llmops_sdk.values.samples import Sample

from .browser import Browser, shown, wait
from .samples import METRICS, cell_result, report_data, sample, wide_report_data

ROW = {"instruction": "i", "response": "r"}
RECORDS = 44 * 46


@cache
def many() -> ReportData:
    """Return a report of 2,024 records, whose texts are in many chunks."""
    return wide_report_data(2, 46)


def two(*pairs: tuple[str, str], record: dict[str, str] | None = None) -> ReportData:
    """Return the report of two candidates, with the texts of their answers."""
    samples: dict[str, list[Sample]] = {
        name: [sample(place, record or ROW, pair[at], scores={"meteor": 0.5}) for place, pair in enumerate(pairs)]
        for at, name in enumerate(("left", "right"))
    }
    cells = tuple(cell_result(name, lines) for name, lines in samples.items())
    board = Leaderboard(
        "dolly", "meteor", cells, (), (), Verdict("left", settled=False, tied=("right",), text="a tie.")
    )
    return ReportData(
        results=Results("r", "n", (board,), (EvaluatorInfo("e", METRICS, {}),)),
        samples={f"{name}@dolly": lines for name, lines in samples.items()},
    )


def marked(page: Any) -> list[list[str]]:
    """Return the marked texts of the two answers that stand side by side."""
    cards = page.locator(".grid-out.two .card-out")
    return [cards.nth(place).locator("mark").all_text_contents() for place in range(2)]


def differences(page: Any) -> Any:
    """Open the first record with the differences between the two candidates marked."""
    page.locator(".unfold").first.click()
    page.get_by_label("Mark in the answers").select_option("between")
    return page.locator(".grid-out.two")


def test_every_record_can_be_reached(browser: Browser) -> None:
    """Page by page, by its number, and by its address; texts of the last chunk are there."""
    page = browser.open(many())
    assert f"Records 1\N{EN DASH}25 of {RECORDS:,}" == page.get_by_role("status").inner_text()

    page.get_by_label("Go to the record of this number").fill(str(RECORDS - 1))
    page.get_by_role("button", name="Go", exact=True).click()
    page.locator(f"#r0-{RECORDS - 1} + .detail").wait_for()
    assert RECORDS - 1 == shown(page)[-1]
    assert "the navy that protected the trade" in page.locator(".detail").inner_text().replace("\n", " ")
    assert page.get_by_role("button", name="Next", exact=True).is_disabled()

    page.get_by_role("button", name="Previous", exact=True).click()
    assert 25 == len(shown(page))
    other = browser.open(many(), anchor="#r0-1000")
    other.locator("#r0-1000 + .detail").wait_for()


def test_a_record_that_is_not_there_is_named(browser: Browser) -> None:
    """By number or by address; the table stays as it is."""
    page = browser.open(report_data(("tuned", "base")))

    page.get_by_label("Go to the record of this number").fill("99")
    page.get_by_role("button", name="Go", exact=True).click()

    assert "There is no record 99" == page.get_by_role("status").inner_text()
    assert 25 == len(shown(page))


def test_all_texts_are_searched(browser: Browser) -> None:
    """In every chunk: fields, answers, errors and notes, whatever their case; quotes and line breaks too."""
    data = many()
    lines = list(data.samples["candidate-1@dolly"])
    odd = Answered(1500, Answer('She said "Nein".\nTwice', reasoning="Is it Zinnober?"))
    lines[1500] = attrs.evolve(lines[1500], outcome=odd)
    lines[7] = attrs.evolve(lines[7], score_errors={"judge": "The quota is zero"})
    page = browser.open(attrs.evolve(data, samples={**data.samples, "candidate-1@dolly": lines}))

    for query, expected in (('said "NEIN"', 1500), ("zinnober", 1500), ("quota is ZERO", 7)):
        page.get_by_role("searchbox").fill(query)
        assert [expected] == shown(page)
    page.get_by_role("searchbox").fill("octopuses")
    wait(page)
    assert f"of {46 * 4} found in {RECORDS:,}" in page.get_by_role("status").inner_text()


def test_the_longest_answers_are_found(browser: Browser) -> None:
    """By characters, tokens or latency: one record in twenty, the longest first, each with its size."""
    texts = [("x" * (100 - place), "y" * place) for place in range(60)]
    data = two(*texts)
    page = browser.open(data)
    show = page.get_by_label("Show", exact=True)

    show.select_option("characters")
    assert [0, 1, 2] == shown(page)
    assert "100 characters" in page.locator("tr.record td.answer").first.inner_text()

    page.get_by_role("group", name="Candidates shown").get_by_role("button", name="left").click()
    assert [59, 58, 57] == shown(page)
    page.locator(".answers [data-key=index] button").click()
    assert [57, 58, 59] == shown(page)


def test_differences_of_two_answers_are_marked(browser: Browser) -> None:
    """What only one of them has is marked in it, signs and case included; a phrase is one mark."""
    page = browser.open(two(("The cat sat on the mat.", "The dog slept on the Mat!")))

    differences(page)

    assert [["cat sat", "mat."], ["dog slept", "Mat!"]] == marked(page)
    notes = page.locator(".grid-out.two .foot").all_inner_texts()
    assert "4 of 7 words and signs are not in that of right, or in another order." == notes[0]


def test_equal_words_are_stated(browser: Browser) -> None:
    """Nothing is marked that is in both answers."""
    cases = {
        "The two answers are the same.": ("the same", "the same"),
        "The same words; the two answers differ in spaces or line breaks.": ("one  two", "one\ntwo"),
        "All 2 words and signs are in that of right too.": ("one two", "one two three"),
    }
    page = browser.open(two(*cases.values()))
    assert "equal on 3." in page.locator(".strip").inner_text()
    assert 0 == page.locator(".bars").count()
    page.locator(".unfold").first.click()
    page.get_by_label("Mark in the answers").select_option("between")

    for place in (1, 2):
        page.locator(".unfold").nth(place).click()

    assert list(cases) == page.locator(".grid-out.two .card-out:first-child .block-text + .foot").all_inner_texts()
    assert 0 == page.locator(".grid-out.two .card-out:first-child mark").count()


def test_hostile_and_very_long_answers_are_compared(browser: Browser) -> None:
    """What a model wrote is escaped in marks too; answers at the limit of the page have the note that they were cut."""
    hostile = ('<img src=x onerror="alert(1)">', "</mark><script>alert(2)</script>")
    page = browser.open(two(hostile, ("word " * 4_500, "word " * 2_000 + "other " * 2_000)))

    both = differences(page)
    page.locator(".unfold").nth(1).click()

    assert '<img src=x onerror="alert(1)">' in both.first.inner_text()
    assert 0 == page.locator(".detail img, .detail script").count()
    assert 2 == both.nth(1).get_by_text("The first 20,000 of").count()


def test_the_other_candidates_stay_below(browser: Browser) -> None:
    """With the reference; the two that are compared are chosen above the table, and can be swapped."""
    page = browser.open(report_data())

    differences(page)

    assert ["tuned", "tuned-plain"] == page.locator(".grid-out.two .who").all_inner_texts()
    assert ["base"] == page.locator(".grid-out:not(.two) .who").all_inner_texts()
    page.get_by_role("button", name="Swap the two candidates").click()
    wait(page)
    assert ["tuned-plain", "tuned"] == page.locator(".grid-out.two .who").all_inner_texts()
    page.get_by_label("Compare", exact=True).select_option(label="base")
    wait(page)
    assert ["base", "tuned"] == page.locator(".grid-out.two .who").all_inner_texts()
    page.get_by_label("with", exact=True).select_option(label="base")
    wait(page)
    assert ["tuned", "base"] == page.locator(".grid-out.two .who").all_inner_texts()


def test_keys_walk_through_the_records(browser: Browser) -> None:
    """Forward and back, over the end of a page; an open record gives way to the next one."""
    page = browser.open(report_data(("tuned", "base")))
    focused = "document.activeElement.textContent"

    page.keyboard.press("j")
    assert "0" == page.evaluate(focused)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    assert ["1"] == page.locator('.unfold[aria-expanded="true"]').all_inner_texts()
    page.keyboard.press("J")
    page.locator("#r0-2 + .detail").wait_for()
    assert ["2"] == page.locator('.unfold[aria-expanded="true"]').all_inner_texts()
    page.keyboard.press("d")
    assert 1 == page.locator(".grid-out.two").count()
    page.keyboard.press("s")
    wait(page)
    assert ["base", "tuned"] == page.locator(".grid-out.two .who").all_inner_texts()
    page.keyboard.press("n")
    page.locator("#r0-25").wait_for()
    page.keyboard.press("j")
    assert "25" == page.evaluate(focused)
    page.keyboard.press("k")
    page.locator("#r0-24").wait_for()
    page.wait_for_timeout(50)
    assert "24" == page.evaluate(focused)


def test_keys_are_listed_and_can_be_turned_off(browser: Browser) -> None:
    """A button and a key open the list. In a field the keys write; off, they do nothing, also after a reload."""
    page = browser.open(report_data(("tuned", "base")))
    page.keyboard.press("/")
    page.keyboard.type("jk?")
    assert "jk?" == page.get_by_role("searchbox").input_value()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    assert "close the record and open the next one" in dialog.inner_text()
    dialog.get_by_label("Keys are on").uncheck()
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    page.keyboard.press("?")
    assert not dialog.is_visible()
    page.reload()
    wait(page)
    page.get_by_role("button", name="Keys").click()
    assert not dialog.get_by_label("Keys are on").is_checked()


def test_a_record_has_neighbours_and_a_link(browser: Browser) -> None:
    """Buttons in the open record; without a clipboard, the address bar has the link."""
    page = browser.open(report_data(("tuned", "base")), anchor="#r0-24")

    page.get_by_role("button", name="Next record").click()
    page.locator("#r0-25 + .detail").wait_for()
    assert page.url.endswith("#r0-25")
    assert 1 == page.locator(".detail").count()
    page.get_by_role("button", name="Copy link").click()
    page.get_by_role("button", name="The link is in the address bar").or_(
        page.get_by_role("button", name="Copied")
    ).wait_for()


def test_long_names_stay_apart_on_a_phone(browser: Browser) -> None:
    """The headings scroll to the side; none is drawn over another."""
    page = browser.open(report_data(tuple(f"a-candidate-with-a-long-name-{number}" for number in range(4))), width=390)

    boxes = [heading.bounding_box() for heading in page.locator(".answers thead th.answer").all()]

    assert 4 == len(boxes)
    assert all(left["x"] + left["width"] <= right["x"] for left, right in pairwise(boxes))
    assert 390 == page.evaluate("document.documentElement.scrollWidth")


def test_controls_have_names(browser: Browser) -> None:
    """Every button, field and choice of the page, for those who do not see it."""
    page = browser.open(report_data())
    page.locator(".unfold").first.click()

    nameless = """[...document.querySelectorAll("button, input, select, summary, a")].filter((element) => !element.closest("[hidden]")
      && !(element.textContent.trim() || element.getAttribute("aria-label") || (element.labels && element.labels.length)))
      .map((element) => element.outerHTML)"""
    assert [] == page.evaluate(nameless)


def test_an_old_browser_is_named(browser: Browser) -> None:
    """One that cannot inflate shows the rest of the report, and where the records are."""
    page = browser.page()
    page.add_init_script("delete window.DecompressionStream")

    page.goto(browser.write(report_data(("tuned", "base"))).as_uri())

    assert page.get_by_text("This part needs a browser of 2023 or later.").is_visible()
    page.keyboard.press("j")
    assert page.locator(".lead").is_visible()


@pytest.mark.slow
def test_ten_thousand_records_are_usable(browser: Browser) -> None:
    """10,000 records of three candidates: drawn at once, and filtered, sorted and searched within seconds."""
    data = wide_report_data(3, 228)
    page = browser.open(data)
    assert f"Records 1\N{EN DASH}25 of {44 * 228:,}" == page.get_by_role("status").inner_text()
    page.set_default_timeout(5_000)
    page.get_by_label("Show", exact=True).select_option("behind")
    assert 25 == len(shown(page))
    page.get_by_role("button", name="Difference").click()
    assert 25 == len(shown(page))
    page.get_by_role("searchbox").fill("octopuses")
    assert 0 < len(shown(page))
    heap = page.evaluate("performance.memory.usedJSHeapSize")
    assert heap < 60e6
