"""The report as text: what it shows, the records that it holds, and that it is one complete file."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from llmops_sdk.errors import RecordError
from llmops_sdk.report import boards as report_boards
from llmops_sdk.report.data import ReportData, StepInfo
from llmops_sdk.report.numbers import interval, number
from llmops_sdk.report.records import pages as report_pages
from llmops_sdk.report.render import render_report, write_report
from llmops_sdk.values.estimates import Estimate
from llmops_sdk.values.models import BaseModel, TrainedModel, TrainingPoint
from llmops_sdk.values.results import EvaluatorInfo, FailedCell, Leaderboard, LookResult, Results, Verdict
from llmops_sdk.values.samples import Sample
from llmops_sdk.values.scores import Metric

from .page_text import page_index, page_records
from .samples import METRICS, cell_result, differences, one_cell, records, report_data, sample, wide_report_data


def test_report_loads_nothing_and_allows_only_its_own_scripts() -> None:
    """The policy has the hash of the page's style and of each script, and nothing on the page names another file."""
    page = render_report(report_data())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    allowed = policy[1].replace("&#39;", "'")
    found = re.findall(r"<(?:style|script)>(.*?)</(?:style|script)>", page, re.DOTALL)
    hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in found}
    assert len(found) == 11
    assert hashes == set(re.findall(r"'sha256-[^']*'", allowed))
    assert allowed.startswith("default-src 'none';")
    assert "unsafe" not in allowed
    assert not re.search(r"\b(src|srcset|action|poster)=", re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL))
    assert {address[0] for address in re.findall(r'href="([^"]*)"', page)} == {"#"}
    assert "@import" not in page
    assert "url(" not in page


def test_verdict_shows_the_best_and_its_lead_with_its_interval() -> None:
    """The headline has the verdict's words, and the difference is turned around: the best minus the next."""
    data = report_data(("tuned", "base"))
    board = data.results.leaderboards[0]
    behind = next(d for d in board.differences if d.metric == "meteor")
    page = render_report(data)
    head = page[page.index('<section class="verdicts"') : page.index('<section id="leaderboard"')]
    assert board.verdict.text in head
    assert "Settled" in head
    assert f">{number(-behind.estimate.mean, sign=True)}<" in head
    assert behind.estimate.low is not None
    assert behind.estimate.high is not None
    turned = Estimate(0, -behind.estimate.high, -behind.estimate.low, 1)
    assert interval(turned, sign=True) in head
    assert f"better on {behind.worse}, worse on {behind.better}" in head


def test_open_verdict_names_who_is_tied() -> None:
    """What the evidence does not settle is not called settled, and the tied candidates stand in the headline."""
    data = _with_verdict(Verdict("tuned", settled=False, tied=("base",), text="44 records are too few to decide."))
    head = render_report(data).split('<section id="leaderboard"')[0]
    assert "Not settled" in head
    assert "44 records are too few to decide." in head


def test_verdict_without_a_best_is_a_report_too() -> None:
    """If nothing was scored, the report states it and shows the failures with their step."""
    failed = (FailedCell("a@d", "a", "train-a", "no room for <b>this</b>"),)
    board = Leaderboard(
        "d", "meteor", (), failed, (), Verdict("", settled=False, tied=(), text="there is nothing to decide on.")
    )
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
    """If a lower number is better, the report marks the metric everywhere."""
    metric = Metric("wer", "Word error rate", higher_is_better=False)
    lines = {
        name: [sample(i, row, "x", scores={"wer": level + i / 100}) for i, row in enumerate(records()[:12])]
        for name, level in (("a", 0.1), ("b", 0.3))
    }
    cells = tuple(cell_result(name, found) for name, found in lines.items())
    gaps = tuple(
        attrs.evolve(d, metric="wer") for d in differences(_as_meteor(lines, "wer"), "a") if d.metric == "meteor"
    )
    board = Leaderboard("dolly", "wer", cells, (), gaps, Verdict("a", settled=True, tied=(), text="a is best."))
    page = render_report(ReportData(results=Results("r", "n", (board,), (EvaluatorInfo("e", (metric,), {}),))))
    assert "Word error rate (lower is better)" in _plain(page)
    assert "← better" in page


def test_report_has_all_records() -> None:
    """In the order of the test split, in as many chunks as it takes; the first one is inside the page."""
    rows = [{"instruction": f"do {place}", "response": "yes" * 100} for place in range(2000)]
    page = render_report(
        one_cell([sample(place, row, "yes", scores={"meteor": 0.5}) for place, row in enumerate(rows)])
    )

    assert [row["instruction"] for row in rows] == [
        dict(record["fields"])["instruction"] for record in page_records(page)
    ]
    assert [*range(2000)] == page_index(page)["indexes"]
    assert "2,000 of 2,000 test records" in _plain(page)
    assert (
        page.index('id="records-0-0"')
        < page.index("</main>")
        < page.index("</footer>")
        < page.index('id="records-0-1"')
    )
    assert page.endswith("</html>")


def test_report_takes_no_more_records_than_a_page_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """It states how many it shows, and names the files of the run's record that have all of them."""
    monkeypatch.setattr(report_boards, "MOST_BYTES", 10_000)
    monkeypatch.setattr(report_pages, "CHUNK_CHARACTERS", 5_000)
    texts = (str(place) * 900 for place in range(10**9, 10**9 + 400))
    lines = [sample(place, {"instruction": text}, "o", scores={"meteor": 0.5}) for place, text in enumerate(texts)]
    page = render_report(one_cell(lines))

    shown = len(page_records(page))
    assert 5 < shown < 400
    assert f"{shown} of 400 test records" in _plain(page)
    assert f"The report shows the first {shown} records: it would be too large with the other {400 - shown}." in _plain(
        page
    )
    assert "samples/a@dolly.jsonl" in page


def test_datasets_share_the_size_of_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one does not need is there for the next."""
    monkeypatch.setattr(report_pages, "CHUNK_CHARACTERS", 2_000)
    size = len("".join(re.findall(r'id="records-0[-0-9]*">([^<]*)<', render_report(report_data()))))
    monkeypatch.setattr(report_boards, "MOST_BYTES", size + 1000)
    data = report_data()
    (board,) = data.results.leaderboards
    small = attrs.evolve(board, dataset="small", cells=(), failed=())
    both = attrs.evolve(data, results=attrs.evolve(data.results, leaderboards=(small, board)))

    assert 44 == len(page_records(render_report(both), place=1))


def test_samples_that_cannot_be_read_are_named() -> None:
    """The records before the damage are shown, the candidate is marked, and the run's details have the reason."""

    def damaged() -> Iterator[Sample]:
        yield sample(0, {"instruction": "i"}, "yes", scores={"meteor": 0.5})
        message = "line 2 of 'a.jsonl' is damaged"
        raise RecordError(message)

    data = one_cell([sample(0, {"instruction": "i"}, "yes", scores={"meteor": 0.5})])
    page = render_report(attrs.evolve(data, samples={"a@dolly": damaged()}))

    assert 1 == len(page_records(page))
    assert page_index(page)["candidates"][0]["damaged"]
    assert 2 == page.count("line 2 of &#39;a.jsonl&#39; is damaged")


def test_odd_values_do_not_break_the_page(tmp_path: Path) -> None:
    """Fields that are no text, numbers that JSON lacks, and broken Unicode still make a valid UTF-8 file."""
    row = {"instruction": "lone \ud800", "response": "r", "tags": ["a", 1], "weight": float("nan"), "big": 2**70}
    lines = [
        sample(0, row, "\udfff out", latency=float("inf"), scores={"meteor": 0.5}),
        sample(1, row, None, error="bad \ud801"),
    ]
    data = one_cell(lines)
    data = attrs.evolve(
        data, metadata={"machine": "odd \ud800 \x00 name"}, steps=(StepInfo("s", "train", "failed", 1.0, "\udc00"),)
    )
    path = write_report(data, tmp_path / "deep" / "report.html")
    record = page_records(path.read_text(encoding="utf-8"))[0]
    assert ["instruction", "lone \ud800"] == record["fields"][0]
    assert [["tags", '["a", 1]'], ["weight", "NaN"], ["big", str(2**70)]] == record["fields"][2:]
    assert "latency" not in record["answers"][0]


def test_write_report_replaces_the_file_whole(tmp_path: Path) -> None:
    """The file is put in place by rename, with nothing left beside it, and an error leaves the old one."""
    path = tmp_path / "report.html"
    path.write_text("old")
    broken = attrs.evolve(report_data(), metadata={"run": _Unwritable()})
    with pytest.raises(Exception, match="cannot be written"):
        write_report(broken, path)
    assert "old" == path.read_text()
    assert path == write_report(report_data(), path)
    assert ["report.html"] == [found.name for found in tmp_path.iterdir()]
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_shared_training_is_drawn_once() -> None:
    """A model asked on two datasets has one curve; without any training there is no such section."""
    data = report_data()
    board = data.results.leaderboards[0]
    twice = attrs.evolve(
        data, results=attrs.evolve(data.results, leaderboards=(board, attrs.evolve(board, dataset="other")))
    )
    assert 2 == len(json.loads(_script(render_report(twice), "curves-data")))
    none = attrs.evolve(board, cells=tuple(attrs.evolve(cell, training=None) for cell in board.cells))
    page = render_report(attrs.evolve(data, results=attrs.evolve(data.results, leaderboards=(none,))))
    assert 'id="training"' not in page


def test_training_without_a_curve_shows_its_numbers() -> None:
    """A remote job that reports metrics alone has its row, and no empty drawing."""
    model = TrainedModel(
        "jumpstart",
        "s3://b/m",
        BaseModel("jumpstart", "llama"),
        job_name="job-7",
        metrics={"eval_loss": 1.5, "steps": 321},
    )
    lines = [sample(0, {"instruction": "i", "response": "r"}, "o", scores={"meteor": 0.5})]
    page = render_report(one_cell(lines, training=model, fine_tuned=True))
    assert "job-7" in page
    assert "eval loss" in page
    assert ">321<" in page
    assert 'class="curves"' not in page


def test_legend_and_drawing_count_the_same_curves() -> None:
    """A model of a single step has no line to draw: it is neither in the legend nor among the curves."""
    data = report_data()
    board = data.results.leaderboards[0]
    single = TrainedModel("huggingface", "m", BaseModel("huggingface", "b"), curve=(TrainingPoint(1, 1, 1.0, 2.0),))
    cells = tuple(
        attrs.evolve(cell, training=single if cell.candidate == "tuned" else cell.training) for cell in board.cells
    )
    board = attrs.evolve(board, cells=cells)
    page = render_report(attrs.evolve(data, results=attrs.evolve(data.results, leaderboards=(board,))))
    assert ["tuned-plain"] == [curve["label"] for curve in json.loads(_script(page, "curves-data"))]
    assert ["tuned-plain"] == re.findall(r'data-toggle-curve="0"><bdi>([^<]*)', page)
    assert 'data-toggle-curve="1"' not in page


def test_long_curve_is_thinned() -> None:
    """Ten thousand steps are drawn with a few hundred points."""
    curve = tuple(TrainingPoint(step, step, step / 2, 2.0 + (step % 7) / 10) for step in range(10_000))
    model = TrainedModel("huggingface", "m", BaseModel("huggingface", "b"), curve=curve)
    lines = [sample(0, {"instruction": "i", "response": "r"}, "o", scores={"meteor": 0.5})]
    page = render_report(one_cell(lines, training=model))
    raw = re.search(r'class="raw" points="([^"]*)"', page)
    assert raw is not None
    assert 300 < len(raw[1].split()) <= 400


def test_method_shows_what_the_numbers_rest_on() -> None:
    """Specification, prompts, steps, datasets, generation and the evaluators' provenance are all there."""
    data = report_data()
    text = _plain(render_report(data))
    evaluator = data.results.evaluators[0]
    for shown in (
        *data.prompts.values(),
        data.specification,
        *data.generation.values(),
        *evaluator.provenance.values(),
    ):
        assert re.sub(r"\s+", " ", shown).strip() in text
    for step in data.steps:
        assert step.name in text


def test_exceptions_from_the_generation_options_are_beside_them() -> None:
    """The page does not call options the same for all candidates where a model varies them."""
    data = report_data()
    varied = _plain(render_report(attrs.evolve(data, varies={"o4-mini": "temperature left out"})))
    assert "the same for all candidates, with exceptions" in varied
    assert "Model o4-mini: temperature left out" in varied
    assert "with exceptions" not in _plain(render_report(data))


def test_report_of_500_records_by_10_candidates_is_a_few_megabytes() -> None:
    """The largest usual report stays small enough to send."""
    assert 0.2e6 < len(render_report(wide_report_data(10, 12)).encode()) < 2e6


# -- what the tests look at ---------------------------------------------------------------------


class _Unwritable(str):
    """A text that fails while the page is rendered."""

    __slots__ = ()

    def __html__(self) -> str:
        message = "cannot be written"
        raise RuntimeError(message)


def _with_verdict(verdict: Verdict) -> ReportData:
    data = report_data(("tuned", "base"))
    board = attrs.evolve(data.results.leaderboards[0], verdict=verdict)
    return attrs.evolve(data, results=attrs.evolve(data.results, leaderboards=(board,)))


def _as_meteor(lines: dict[str, list[Sample]], name: str) -> dict[str, list[Sample]]:
    """Return samples whose `name` stands for all metrics, so that `differences` finds it."""
    return {
        key: [
            attrs.evolve(line, scores=dict.fromkeys((m.name for m in METRICS), line.scores[name]))
            for line in cell_lines
        ]
        for key, cell_lines in lines.items()
    }


def _script(page: str, name: str) -> str:
    found = re.search(f'<script type="application/json" id="{name}">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return found[1]


def _plain(page: str) -> str:
    text = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    text = re.sub(r"<[^>]*>", "", text)
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&#39;", "'"), ("&#34;", '"'), ("&amp;", "&")):
        text = text.replace(entity, character)
    return re.sub(r"\s+", " ", text)


def test_planned_looks_are_listed() -> None:
    """With their records and levels, who was worse, and where it was decided; a candidate that stopped is marked."""
    data = report_data()
    (board, *others) = data.results.leaderboards
    looks = (LookResult(1, 10, 0.0002, ("base",)), LookResult(2, 20, 0.012, (), decided=True), LookResult(3, 30, 0.046))
    cells = (*board.cells[:-1], attrs.evolve(board.cells[-1], look=1, not_asked=20))
    stopped = attrs.evolve(board, looks=looks, cells=cells)

    page = " ".join(
        render_report(attrs.evolve(data, results=attrs.evolve(data.results, leaderboards=(stopped, *others)))).split()
    )

    assert "look 1 at 10 records (level 0.0002): <bdi>base</bdi> worse" in page
    assert "look 2 at 20 records (level 0.012), decided" in page
    assert "stopped at look 1" in page
