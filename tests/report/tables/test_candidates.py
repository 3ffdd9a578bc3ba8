"""The candidates of a run as rows."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from llmops_sdk import Pipeline, Progress, Registry, Result
from llmops_sdk.report.tables.candidates import read_candidates, verdict_of


@pytest.fixture(name="result")
def _result(registry: Registry, tmp_path: Path, home: Path) -> Result:  # noqa: ARG001 - a cache of its own
    """A good candidate, a bad one, and one without a result."""
    pipeline = Pipeline.builder("echo").with_dataset("lines", records=60).with_prompt("bare")
    for name, voice in {"good": "loud", "bad": "quiet", "none": "mute"}.items():
        pipeline = pipeline.with_model("echo", name=name, voice=voice, fine_tune=False)
    return pipeline.with_evaluator("echo-score").run(store=tmp_path, registry=registry, progress=Progress())


def test_every_candidate_has_a_row_for_each_metric(result: Result) -> None:
    """Best first, the metric that decides first, with the numbers of the leaderboard."""
    rows = list(read_candidates(result.run))

    assert [
        ("good", "exact", True, 1, "best"),
        ("good", "noise", False, 1, ""),
        ("bad", "exact", True, 2, "worse"),
        ("bad", "noise", False, 2, ""),
        ("none", "", False, None, "failed"),
    ] == [(row.candidate, row.metric, row.decides, row.place, row.verdict) for row in rows]
    (board,) = result.leaderboards
    good, _, bad, *_ = rows
    estimate = board.cells[0].estimates["exact"]
    assert (estimate.mean, estimate.low, estimate.high, 30) == (good.mean, good.low, good.high, good.records)
    assert (None, -1.0, 0, 30) == (good.difference, bad.difference, bad.better, bad.worse)
    assert (30, 30, 0) == (good.asked, good.answered, good.missing)
    assert board.cells[0].speed is not None
    assert board.cells[0].speed.latency_p95 == good.latency_p95


def test_a_candidate_without_a_result_has_the_reason(result: Result) -> None:
    """And no numbers."""
    *_, row = read_candidates(result.run)

    assert row.error.startswith("step generate.none failed: ")
    assert (None, None, None) == (row.mean, row.asked, row.fine_tuned)


def test_the_best_of_tied_candidates_is_tied_too(result: Result) -> None:
    """It cannot be told apart from the others."""
    (board,) = result.leaderboards
    tied = attrs.evolve(board, verdict=attrs.evolve(board.verdict, tied=("bad",), worse=()))
    undecided = attrs.evolve(board, verdict=attrs.evolve(board.verdict, best="", worse=()))

    assert ["tied", "tied"] == [verdict_of(tied, name) for name in ("good", "bad")]
    assert ["", ""] == [verdict_of(undecided, name) for name in ("good", "bad")]
