"""Pipelines, plans, runs, results and decisions as notebooks show them."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import LocalStore, Pipeline, Progress, Registry, Result, Run
from llmops_sdk.pipeline.notebook import to_html
from llmops_sdk.values.results import Verdict
from llmops_sdk.values.step_records import Failed

EVIL = "<script>alert(1)</script>"


class Page(HTMLParser):
    """The elements and the text of a page; unbalanced elements fail."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.names: set[str] = set()
        self._open: list[str] = []
        self._texts: list[str] = []
        html = to_html(value)
        assert html is not None
        self.feed(html)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.names.add(tag)
        if tag != "br":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open[-1] != "style":
            self._texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self._texts))


@pytest.fixture(name="pipeline")
def _pipeline() -> Pipeline:
    return (
        Pipeline.builder("voices")
        .with_dataset("lines", records=6)
        .with_prompt("bare")
        .with_model("echo", name="base", fine_tune=False)
        .with_model("echo", name="tuned", seeds=[1, 2], trainer={"voice": "quiet"})
        .with_model("echo", name="broken", trainer={"fails": True})
        .with_evaluator("echo-score")
    )


@pytest.fixture(name="result")
def _result(pipeline: Pipeline, registry: Registry, tmp_path: Path) -> Result:
    return pipeline.run(store=tmp_path / "runs", registry=registry, progress=Progress())


def test_a_pipeline_shows_its_parts_and_its_file(pipeline: Pipeline) -> None:
    """What is left out has its default; the file is folded away."""
    page = Page(pipeline)

    assert "pipeline voices" in page.text
    assert "lines records: 6" in page.text
    assert "base (echo), as it is" in page.text
    assert "name: voices" in page.text
    assert "details" in page.names
    assert "the default" in Page(Pipeline.builder("empty")).text


def test_a_plan_shows_its_candidates(pipeline: Pipeline, registry: Registry) -> None:
    """Each with its training, and how many steps there are of each kind."""
    page = Page(pipeline.plan(registry, offline=True))

    assert "tuned lines bare echo-trainer, seeds 1, 2 echo-endpoint" in page.text
    assert "steps 13: 1 prepare, 4 generate, 4 score, 3 train, 1 compare" in page.text
    assert "decided by" in page.text


def test_a_result_shows_leaderboard_and_verdict(result: Result) -> None:
    """The interval as text and drawn; a candidate without a result has its reason."""
    page = Page(result)
    board = result.leaderboards[0]

    assert board.verdict.headline in page.text
    assert "broken no result step train.broken.bare.lines failed: the option 'fails' is set" in page.text
    assert "3 of 3" in page.text
    assert "fine-tuned, 2 seeds" in page.text
    html = to_html(result) or ""
    assert len(board.cells) == html.count('class="bar"')
    assert all(0 <= float(share) <= 100 for share in re.findall(r"(?:left|width):(-?[\d.]+)%", html))


def test_a_run_shows_its_steps(result: Result) -> None:
    """How many of each kind are done, and what failed."""
    page = Page(result.run)

    assert f"run {result.run.id}" in page.text
    assert "step done failed time" in page.text
    assert "train.broken.bare.lines the option 'fails' is set" in page.text
    assert result.run.location in page.text


def test_an_unfinished_run_says_how_to_resume_it(result: Result) -> None:
    """So does its result."""
    run = result.run
    run.store.delete(f"runs/{run.id}/results.json")
    reopened = Run.open(run.store, run.id)
    reopened.clear_record("compare")
    assert f"resume with: llmops run --resume {run.id}" in Page(reopened).text
    assert f"resume with: llmops run --resume {run.id}" in Page(Result(reopened)).text


def test_a_decision_shows_who_is_best_and_why(result: Result) -> None:
    """The headline, the candidates by their standing, and the rest folded away."""
    verdict = result.decision()
    page = Page(verdict)

    assert verdict.headline in page.text
    assert f"best {verdict.best}" in page.text
    assert "why" in page.text


def test_text_of_models_and_datasets_is_escaped(result: Result, pipeline: Pipeline) -> None:
    """Nothing that is not the module's own becomes markup; control characters are shown as codes."""
    run = result.run
    run.clear_record("train.broken.bare.lines")
    run.write_record(Failed("train.broken.bare.lines", f"{EVIL}\x1b[2J", "", "train.broken.bare.lines", 0.0, 1.0))
    verdict = Verdict(
        best=EVIL, settled=False, tied=(EVIL,), text=f"{EVIL} is best. {EVIL}", headline=f"{EVIL} is best."
    )

    for value in (run, verdict, pipeline.with_dataset("lines", name=EVIL, path=EVIL), Pipeline.builder(EVIL)):
        page = Page(value)
        assert EVIL in page.text
        assert "script" not in page.names
    assert "<1b>" in Page(run).text


def test_a_page_loads_and_runs_nothing(result: Result) -> None:
    """It has no script, no address and no handler, and its colours are those of the page around it."""
    html = "".join(to_html(value) or "" for value in (result, result.run, result.run.plan, result.decision()))

    assert not re.search(r"<script|<link|<img|url\(|@import|https?:| on\w+=", html)
    assert not re.search(r"#[0-9a-f]{3,6}\b|background(-color)?: *(white|black)", html)


def test_what_cannot_be_read_shows_its_text(result: Result) -> None:
    """None makes a notebook show `repr`, which has the reason."""
    run = result.run
    run.store.put(f"runs/{run.id}/results.json", b"{")
    address = f"artifacts/{run.record('compare').artifacts['results']}"  # type: ignore[union-attr] # it succeeded
    run.store.delete(f"{address}/")

    damaged = Result(Run.open(run.store, run.id))

    assert to_html(damaged) is None
    assert f"run {run.id}:" in repr(damaged)
    assert isinstance(run.store, LocalStore)
