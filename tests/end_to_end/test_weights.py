"""A whole run with weighted datasets: its overall verdict in results, terminal, report and plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import Pipeline, Progress, Result, SpecError, load
from llmops_sdk.cli.output.plan import show_plan
from llmops_sdk.cli.output.run import show_quietly, show_run
from llmops_sdk.plugin.registry import Registry

_SPECIFICATION = """
name: weighted
datasets:
  - {use: lines, name: sales, records: 60}
  - {use: lines, name: support, records: 40}
prompts: [bare]
models:
  - {use: echo, name: loud, fine_tune: false}
  - {use: echo, name: quiet, voice: quiet, fine_tune: false}
evaluators: [echo-score]
weights: {sales: 2, support: 1}
"""


@pytest.fixture(name="pipeline")
def _pipeline(tmp_path: Path, home: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    """A pipeline with two datasets and their weights."""
    (tmp_path / "weighted.yaml").write_text(_SPECIFICATION, encoding="utf-8")
    return Pipeline.from_yaml(tmp_path / "weighted.yaml")


def _run(pipeline: Pipeline, store: Path, registry: Registry) -> Result:
    return pipeline.run(store=store, registry=registry, progress=Progress())


def test_an_overall_verdict_is_shown_everywhere(
    pipeline: Pipeline, tmp_path: Path, registry: Registry, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside one for each dataset; other weights ask nothing again."""
    result = _run(pipeline, tmp_path / "runs", registry)

    overall = result.results.overall
    assert overall is not None
    assert overall.verdict == result.decision()
    assert {"sales": 2.0, "support": 1.0} == overall.weights
    boards = {board.dataset: board for board in result.leaderboards}
    assert result.decision("sales") == boards["sales"].verdict
    for mean in overall.means:
        own = [
            cell.estimates[overall.metric].mean
            for board in (boards["sales"], boards["support"])
            for cell in board.cells
            if cell.candidate == mean.candidate
        ]
        assert pytest.approx((2 * own[0] + own[1]) / 3) == mean.estimate.mean

    assert overall == load(result.run.id, store=tmp_path / "runs").results.overall
    assert "all datasets" in repr(result)
    assert overall.verdict.text in repr(result)
    page = result.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert 'aria-label="Verdict over all datasets"' in page
    assert "weighted: <bdi>sales 2, support 1</bdi>" in page
    capsys.readouterr()
    show_run(result.run)
    show_quietly(result.run)
    show_plan(result.run.plan)
    printed = " ".join(capsys.readouterr().out.split())
    assert "all datasets, weighted: sales 2, support 1" in printed
    assert 2 == printed.count(" ".join(overall.verdict.text.split()))
    assert "weights sales 2, support 1 for a verdict over all datasets" in printed

    asked.clear()
    again = _run(pipeline.with_decision(weights={"sales": 1, "support": 5}), tmp_path / "runs", registry)
    assert [] == asked
    assert again.results.overall is not None
    assert {"sales": 1.0, "support": 5.0} == again.results.overall.weights


def test_without_weights_there_is_none(pipeline: Pipeline, tmp_path: Path, registry: Registry) -> None:
    """A dataset must be named."""
    result = _run(pipeline.with_decision(), tmp_path / "runs", registry)

    assert result.results.overall is None
    with pytest.raises(SpecError, match="name a dataset: sales, support"):
        result.decision()
